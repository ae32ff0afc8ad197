"""A server with Google's published stubs behind the bridge, called over both fronts."""

import json

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from mcpbridge.v1 import tool_service_pb2 as pb
from mcpbridge.v1 import tool_service_pb2_grpc as pb_grpc

from support import GRPC, call_over_http, check, post, wait_until

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(32))


def request(name, arguments=None):
    return pb.CallToolRequest(name=name, arguments_json=json.dumps(arguments or {}))


def failure_of(call):
    """(status, ErrorInfo) of a call that fails."""
    try:
        answer = call()
    except grpc.RpcError as error:
        info = error_details_pb2.ErrorInfo()
        details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
        for detail in status_pb2.Status.FromString(details).details:
            detail.Unpack(info)
        return error.code(), info
    check("the call fails", False, answer)


def calls(stub):
    names = {tool.name for tool in stub.ListTools(pb.ListToolsRequest()).tools}
    check("its tools are listed", {"echo", "show", "wait"} <= names, names)
    echoed = stub.CallTool(request("echo", {"text": "hi"}), timeout=10)
    check("a call is answered", echoed.content[0].text.text == "hi", echoed)
    images = stub.CallTool(request("image"), timeout=10).content
    check("bytes arrive, raw and in base64", [one.image.data for one in images] == [PNG, PNG],
          images)
    failed = stub.CallTool(request("fail"), timeout=10)
    check("a tool's own failure is a successful call", failed.is_error, failed)
    code, info = failure_of(lambda: stub.CallTool(request("refuse"), timeout=10))
    check("the server's code is kept", info.reason == "UPSTREAM_ERROR" and
          info.metadata["jsonrpc_code"] == "-32042", (code, info))
    status, answer = call_over_http("refuse", {})
    check("over HTTP too", status == 200 and answer["error"]["code"] == -32042, answer)


def transport(stub):
    status, answer = call_over_http("show", {}, headers={"grpc-timeout": "5S"})
    shown = answer["result"]["structuredContent"]
    check("the deadline is the server's own", 0 < shown["seconds"] <= 5.1, shown)
    check("metadata says which tool", shown["tool"] == "show", shown)
    check("whole numbers are integers", shown["whole"] == 3 and isinstance(shown["whole"], int) and
          shown["half"] == 0.5, shown)
    code, info = failure_of(lambda: stub.CallTool(request("wait"), timeout=0.5))
    check("a deadline holds", code == grpc.StatusCode.DEADLINE_EXCEEDED, code)
    count = lambda: stub.CallTool(request("count"), timeout=10).content[0].text.text
    wait_until("and the server was told", lambda: count() == "1 begun, 1 cancelled")
    left = stub.CallTool.future(request("wait"))
    wait_until("another call waits", lambda: count() == "2 begun, 1 cancelled")
    left.cancel()
    wait_until("and its cancellation reaches the server", lambda: count() == "2 begun, 2 cancelled")


def other_methods():
    def expect(what, method, params, want):
        answer = post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})[1]
        found = answer.get("result", {})
        check(what, {key: found.get(key) for key in want} == want, answer)

    expect("resources are listed", "resources/list", {},
           {"resources": [{"name": "a", "uri": "test://a"}]})
    expect("and read", "resources/read", {"uri": "test://a"},
           {"contents": [{"uri": "test://a", "text": "read"}]})
    expect("templates are listed", "resources/templates/list", {},
           {"resourceTemplates": [{"name": "letter", "uriTemplate": "test://{letter}"}]})
    expect("prompts are listed", "prompts/list", {},
           {"prompts": [{"name": "greet", "arguments": [{"name": "name", "required": True}]}]})
    expect("a prompt is got", "prompts/get", {"name": "greet", "arguments": {"name": "Ada"}},
           {"messages": [{"role": "user", "content": {"type": "text", "text": "Hello, Ada"}}]})
    expect("a prompt's argument is completed", "completion/complete",
           {"ref": {"type": "ref/prompt", "name": "greet"},
            "argument": {"name": "name", "value": "A"}, "context": {"arguments": {"x": "y"}}},
           {"completion": {"values": ["greet A {'x': 'y'}"], "total": 7, "hasMore": True}})
    expect("and a template's", "completion/complete",
           {"ref": {"type": "ref/resource", "uri": "test://{letter}"},
            "argument": {"name": "letter", "value": "b"}},
           {"completion": {"values": ["test://{letter} b"], "hasMore": False}})


def question(stub):
    """A tool that asks who calls, and is told."""
    call = request("ask")
    call.client_capabilities.update({"elicitation": {}})
    asked = stub.CallTool(call, timeout=10)
    check("a question comes back", asked.input_required and list(asked.input_requests) == ["who"],
          asked)
    params = json_format.MessageToDict(asked.input_requests["who"].params)
    check("as MCP has it", asked.input_requests["who"].method == "elicitation/create" and
          params["message"] == "Who are you?" and
          params["requestedSchema"]["properties"]["name"]["type"] == "string" and
          params["requestedSchema"]["required"] == ["name"], params)
    call.input_responses["who"].result.update({"action": "accept", "content": {"name": "Ada"}})
    has_state = asked.HasField("request_state")  # since 0.2.0
    if has_state:
        call.request_state = asked.request_state
    told = stub.CallTool(call, timeout=10).content[0].text.text
    check("and the answer reaches the server" + (", with its own state" if has_state else ""),
          told == "TYPE_ACCEPT {'name': 'Ada'} known", told)


with grpc.insecure_channel(GRPC, options=[("grpc.enable_http_proxy", 0)]) as channel:
    stub = pb_grpc.ToolServiceStub(channel)
    calls(stub)
    transport(stub)
    other_methods()
    question(stub)
