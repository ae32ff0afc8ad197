"""Lists and calls the tools of an MCP server that nobody here wrote, through both fronts."""

import base64
import concurrent.futures
import json
import sys

import grpc
from mcpbridge.v1 import tool_service_pb2 as pb
from mcpbridge.v1 import tool_service_pb2_grpc as pb_grpc

from support import GRPC, call_over_http, check, events_of, post, wait_until


def list_over_http():
    status, answer = post("/mcp/", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    check("tools/list is answered", status == 200 and "result" in answer, answer)
    return {tool["name"] for tool in answer["result"]["tools"]}


def call_over_grpc(stub, name, arguments):
    request = pb.CallToolRequest(name=name, arguments_json=json.dumps(arguments))
    return stub.CallTool(request, timeout=30)


def call_both(stub, name, arguments):
    """The first text of the answer, over gRPC and over HTTP."""
    typed = call_over_grpc(stub, name, arguments)
    check(f"{name} runs over gRPC", not typed.is_error, typed)
    status, answer = call_over_http(name, arguments)
    check(f"{name} runs over HTTP", status == 200 and not answer["result"].get("isError"), answer)
    return typed.content[0].text.text, answer["result"]["content"][0]["text"]


def everything(stub):
    for text in call_both(stub, "echo", {"message": "hello"}):
        check("echo answers", text == "Echo: hello", text)
    for text in call_both(stub, "get-sum", {"a": 2, "b": 3}):
        check("get-sum answers", "5" in text, text)
    image = call_over_grpc(stub, "get-tiny-image", {})
    data = [content.image.data for content in image.content if content.HasField("image")]
    check("an image comes as bytes", len(data) == 1 and data[0].startswith(b"\x89PNG"), image)
    _, answer = call_over_http("get-tiny-image", {})
    encoded = [content["data"] for content in answer["result"]["content"]
               if content["type"] == "image"]
    check("the same image as over HTTP", base64.b64decode(encoded[0]) == data[0])


def time_server(stub):
    for text in call_both(stub, "get_current_time", {"timezone": "UTC"}):
        check("get_current_time answers", json.loads(text)["timezone"] == "UTC", text)
    wrong = call_over_grpc(stub, "get_current_time", {"timezone": "Nowhere/City"})
    check("an unknown timezone is the tool's own error", wrong.is_error, wrong)


def python_sse(stub):
    for text in call_both(stub, "add", {"a": 2, "b": 3}):
        check("add answers", text == "5", text)
    try:
        stub.CallTool(pb.CallToolRequest(name="wait", arguments_json='{"seconds": 60}'), timeout=0.3)
        check("a deadline ends a call", False)
    except grpc.RpcError as error:
        check("a deadline ends a call", error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error)
    wait_until("the server was told, once", lambda: call_over_http(
        "count_cancelled", {})[1]["result"]["content"][0]["text"] == "1")
    events = events_of("/mcp/", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "report", "arguments": {"steps": 3}, "_meta": {"progressToken": "mine"}}})
    progress = [event["params"] for event in events[:-1]]
    check("progress arrives under the caller's token",
          [p["progress"] for p in progress] == [1, 2, 3] and
          all(p["progressToken"] == "mine" for p in progress), events)
    check("and then the answer", events[-1]["result"]["content"][0]["text"] == "reported", events)


def many_at_once(stub, name, arguments_of, text_of):
    with concurrent.futures.ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda i: call_over_grpc(stub, name, arguments_of(i)),
                                   range(100)))
    wrong = [i for i, answer in enumerate(answers) if text_of(i) not in answer.content[0].text.text]
    check("each of 100 calls gets its own answer", not wrong, wrong)


def main(server):
    with grpc.insecure_channel(GRPC, options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub = pb_grpc.ToolServiceStub(channel)
        tools = {tool.name for tool in stub.ListTools(pb.ListToolsRequest(), timeout=30).tools}
        check("both fronts list the same tools", tools and tools == list_over_http(), sorted(tools))
        servers = stub.ListServers(pb.ListServersRequest()).servers
        check("the server is healthy and known by name",
              servers[0].health == pb.HEALTH_SERVING and servers[0].server_name, servers)
        if server == "time_stdio":
            time_server(stub)
            many_at_once(stub, "convert_time",
                         lambda i: {"source_timezone": "UTC", "time": f"00:{i % 60:02}",
                                    "target_timezone": "UTC"},
                         lambda i: f"T00:{i % 60:02}:00")
        elif server == "python_sse":
            python_sse(stub)
            many_at_once(stub, "add", lambda i: {"a": i, "b": 1000}, lambda i: str(1000 + i))
        else:
            everything(stub)
            many_at_once(stub, "echo", lambda i: {"message": f"no. {i}!"}, lambda i: f"no. {i}!")


main(sys.argv[1])
