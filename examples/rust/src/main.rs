//! Tools through an mcp-bridge, with stubs that tonic makes of proto/.
//!
//!     cargo run [HOST:PORT]

use std::env;
use std::error::Error;
use std::time::Duration;

use pb::call_tool_request::Args;
use pb::call_tool_stream_response::Event;
use pb::content::Kind;
use pb::tool_service_client::ToolServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

mod pb {
    tonic::include_proto!("mcpbridge.v1");
}

type Client = ToolServiceClient<Channel>;

fn call_request(name: &str, arguments: &str) -> pb::CallToolRequest {
    pb::CallToolRequest {
        name: name.into(),
        args: Some(Args::ArgumentsJson(arguments.into())),
        ..Default::default()
    }
}

fn stream_request(name: &str, arguments: &str) -> pb::CallToolStreamRequest {
    pb::CallToolStreamRequest {
        call: Some(call_request(name, arguments)),
        ..Default::default()
    }
}

fn within<T>(time: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(time);
    request
}

fn text_of(result: &pb::CallToolResponse) -> &str {
    match result.content.first().and_then(|block| block.kind.as_ref()) {
        Some(Kind::Text(text)) => &text.text,
        _ => "",
    }
}

async fn list_tools(client: &mut Client) -> Result<(), Status> {
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListToolsRequest {
            page_token,
            ..Default::default()
        };
        let page = client
            .list_tools(within(Duration::from_secs(10), request))
            .await?
            .into_inner();
        names.extend(page.tools.into_iter().map(|tool| tool.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            println!("tools: {}", names.join(" "));
            return Ok(());
        }
    }
}

async fn call(client: &mut Client) -> Result<(), Status> {
    let request = call_request("echo", r#"{"text":"hello"}"#);
    let result = client
        .call_tool(within(Duration::from_secs(10), request))
        .await?
        .into_inner();
    println!("echo: {}", text_of(&result));
    Ok(())
}

async fn call_past_its_deadline(client: &mut Client) -> Result<(), Status> {
    let request = call_request("sleep", r#"{"ms":60000}"#);
    let ended = client
        .call_tool(within(Duration::from_millis(300), request))
        .await;
    match ended {
        // Tonic's own clock says Cancelled where it is quicker than the bridge's answer.
        Err(status) if matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) => {
            println!("sleep: its deadline passed");
            Ok(())
        }
        other => other.map(drop),
    }
}

async fn stream_progress(client: &mut Client) -> Result<(), Status> {
    let request = stream_request("count", r#"{"to":3,"interval_ms":20}"#);
    let mut events = client
        .call_tool_stream(within(Duration::from_secs(10), request))
        .await?
        .into_inner();
    while let Some(message) = events.message().await? {
        match message.event {
            Some(Event::Progress(at)) => {
                println!("count: {} of {}", at.progress, at.total.unwrap_or_default());
            }
            Some(Event::Result(result)) => println!("count: {}", text_of(&result)),
            _ => {}
        }
    }
    Ok(())
}

async fn cancel(client: &mut Client) -> Result<(), Status> {
    let request = stream_request("count", r#"{"to":1000,"interval_ms":50}"#);
    let mut events = client.call_tool_stream(request).await?.into_inner();
    events.message().await?; // it runs
    drop(events); // what tonic has for cancelling
    println!("count: cancelled");
    Ok(())
}

/// Why the bridge says that a call failed; docs/errors.md lists all reasons.
fn reason_of(status: &Status) -> String {
    match status.get_details_error_info() {
        Some(info) => info.reason,
        None => "no reason given".into(),
    }
}

async fn fail(client: &mut Client) -> Result<(), Status> {
    let request = call_request("no_such_tool", "{}");
    if let Err(status) = client
        .call_tool(within(Duration::from_secs(10), request))
        .await
    {
        println!("no_such_tool: {}", reason_of(&status));
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or("127.0.0.1:50051".into());
    let channel = Endpoint::try_from(format!("http://{address}"))?
        .connect()
        .await?;
    let mut client = ToolServiceClient::new(channel);
    list_tools(&mut client).await?;
    call(&mut client).await?;
    call_past_its_deadline(&mut client).await?;
    stream_progress(&mut client).await?;
    cancel(&mut client).await?;
    fail(&mut client).await?;
    Ok(())
}
