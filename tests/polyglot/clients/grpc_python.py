"""Python stubs that grpcio-tools made of proto/."""

import json
import time

import grpc
from google.rpc import error_details_pb2, status_pb2
from mcpbridge.v1 import content_pb2 as content_pb
from mcpbridge.v1 import tool_service_pb2 as pb
from mcpbridge.v1 import tool_service_pb2_grpc as pb_grpc

from support import GRPC, SLACK, call_over_http, cancels, check, demo_stats, wait_until

BIG = 2**53 + 1  # the first integer that no double holds


def request(name, arguments, **more):
    return pb.CallToolRequest(name=name, arguments_json=json.dumps(arguments), **more)


def text_of(response):
    return response.content[0].text.text


def error_of(call):
    """(status, ErrorInfo) of a call that fails."""
    try:
        answer = call()
    except grpc.RpcError as error:
        details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
        info = error_details_pb2.ErrorInfo()
        for detail in status_pb2.Status.FromString(details).details if details else ():
            detail.Unpack(info)
        return error.code(), info
    check("the call fails", False, answer)


def concurrent_calls(stub):
    start = time.monotonic()
    calls = [stub.CallTool.future(request("my_tool", {"query": f"test {i}"}), timeout=10)
             for i in range(3)]
    texts = [text_of(call.result()) for call in calls]
    took = time.monotonic() - start
    check("three calls at once get an answer each",
          texts == [f"result for test {i}" for i in range(3)], texts)
    check("and take the time of one", took < 0.1 + SLACK, took)


def struct_arguments(stub):
    call = pb.CallToolRequest(server="demo", name="my_tool")
    call.arguments.update({"query": "a struct"})
    check("arguments as a struct arrive", text_of(stub.CallTool(call)) == "result for a struct")


def exact_numbers(stub):
    answer = stub.CallTool(request("show_arguments", {"n": BIG}))
    check("2^53+1 arrives exactly", json.loads(text_of(answer)) == {"n": BIG}, answer)
    answer = stub.CallTool(request("show_arguments", {}, result_format=content_pb.RESULT_FORMAT_JSON))
    result = json.loads(answer.result_json)
    check("2^53+1 comes back exactly", result["structuredContent"]["big"] == BIG, answer)


def errors(stub):
    code, info = error_of(lambda: stub.CallTool(request("no_such_tool", {})))
    check("an unknown tool is NOT_FOUND", code == grpc.StatusCode.NOT_FOUND, code)
    check("with the reason in grpc-status-details-bin",
          (info.reason, info.domain) == ("TOOL_NOT_FOUND", "mcpbridge"), info)
    broken = pb.CallToolRequest(name="my_tool", arguments_json="[")
    code, info = error_of(lambda: stub.CallTool(broken))
    check("arguments that are no JSON object are INVALID_ARGUMENT",
          code == grpc.StatusCode.INVALID_ARGUMENT and info.reason == "INVALID_ARGUMENTS",
          (code, info))
    answer = stub.CallTool(request("fail", {}))
    check("a tool's own failure is a successful call", answer.is_error and answer.content, answer)


def times_of(call):
    """How long each of three calls takes."""
    times = []
    for _ in range(3):
        start = time.monotonic()
        call()
        times.append(time.monotonic() - start)
    return times


def check_times(times):
    """A busy machine delays some; the quickest shows what the bridge itself takes."""
    check("not before its deadline", min(times) > 0.29, times)
    check("and within 20 ms of it", min(times) < 0.3 + 0.02 and max(times) < 0.3 + SLACK, times)


def deadlines(stub):
    """The client's own gRPC ends a call at its deadline; that the bridge does is seen upstream."""
    before = cancels()

    def call_over_grpc():
        code, _ = error_of(lambda: stub.CallTool(request("sleep", {"ms": 30000}), timeout=0.3))
        check("a call past its deadline is DEADLINE_EXCEEDED",
              code == grpc.StatusCode.DEADLINE_EXCEEDED, code)

    check_times(times_of(call_over_grpc))
    wait_until("the server is told of each once", lambda: cancels() == before + 3)

    def call_with_grpc_timeout():
        _, answer = call_over_http("sleep", {"ms": 30000}, headers={"grpc-timeout": "300m"})
        reason = answer["error"]["data"]["reason"]
        check("so it is over HTTP", reason == "DEADLINE_EXCEEDED", answer)

    check_times(times_of(call_with_grpc_timeout))
    wait_until("the server is told of those, too", lambda: cancels() == before + 6)


def cancellation(stub):
    before = cancels()
    other = stub.CallTool.future(request("sleep", {"ms": 500}))
    call = stub.CallTool.future(request("sleep", {"ms": 30000}))
    wait_until("both calls run", lambda: demo_stats()["in_flight"] == 2)
    call.cancel()
    wait_until("the server is told of one cancelled call", lambda: cancels() == before + 1)
    check("the other call gets its answer", text_of(other.result(timeout=10)) == "slept 500 ms")
    stats = demo_stats()
    check("the server saw one cancel, one session, and none closed",
          (stats["requests"]["notifications/cancelled"], stats["sessions_opened"],
           stats["sessions_closed"]) == (before + 1, 1, 0), stats)


def streaming(stub):
    """Progress as it comes, then the result; and a cancel in the middle."""
    call = request("count", {"to": 5, "interval_ms": 20})
    events = list(stub.CallToolStream(pb.CallToolStreamRequest(call=call), timeout=10))
    kinds = [event.WhichOneof("event") for event in events]
    check("a stream tells progress and then the result", kinds[-1] == "result" and
          kinds[:-1] == ["progress"] * 5, kinds)
    check("progress grows to its total", [event.progress.progress for event in events[:-1]] ==
          [1, 2, 3, 4, 5] and events[0].progress.total == 5, events[0])
    before = cancels()
    call = request("count", {"to": 1000, "interval_ms": 20})
    stream = stub.CallToolStream(pb.CallToolStreamRequest(call=call))
    next(stream)
    stream.cancel()
    wait_until("a stream's cancel reaches the server", lambda: cancels() == before + 1)


def lists(stub):
    tools = {tool.name: tool for tool in stub.ListTools(pb.ListToolsRequest()).tools}
    check("tools are listed with their servers' names", {"demo-my_tool", "exact-show_arguments"} <=
          tools.keys(), sorted(tools))
    schema = json.loads(tools["demo-my_tool"].input_schema_json)
    check("with their schemas", "query" in schema["properties"], schema)
    servers = {server.name: server for server in stub.ListServers(pb.ListServersRequest()).servers}
    check("servers are listed", servers["demo"].transport == pb.TRANSPORT_HTTP and
          servers["exact"].transport == pb.TRANSPORT_STDIO, servers)
    check("and serve", all(server.health == pb.HEALTH_SERVING for server in servers.values()),
          servers)


with grpc.insecure_channel(GRPC, options=[("grpc.enable_http_proxy", 0)]) as channel:
    tool_service = pb_grpc.ToolServiceStub(channel)
    for part in (lists, concurrent_calls, struct_arguments, exact_numbers, errors, deadlines,
                 cancellation, streaming):
        part(tool_service)
