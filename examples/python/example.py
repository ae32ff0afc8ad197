"""Tools through an mcp-bridge, with stubs that grpcio-tools makes of proto/.

    python example.py [HOST:PORT]
"""

import json
import sys

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from mcpbridge.v1 import tool_service_pb2 as pb
from mcpbridge.v1 import tool_service_pb2_grpc as pb_grpc


def request(name, **arguments):
    return pb.CallToolRequest(name=name, arguments_json=json.dumps(arguments))


def all_tools(stub):
    """Every tool, page by page."""
    token = ""
    while True:
        page = stub.ListTools(pb.ListToolsRequest(page_token=token), timeout=10)
        yield from page.tools
        token = page.next_page_token
        if not token:
            return


def list_tools(stub):
    print("tools:", *(tool.name for tool in all_tools(stub)))


def call(stub):
    result = stub.CallTool(request("echo", text="hello"), timeout=10)
    print("echo:", result.content[0].text.text)


def call_past_its_deadline(stub):
    try:
        stub.CallTool(request("sleep", ms=60_000), timeout=0.3)
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
            raise
        print("sleep: its deadline passed")


def stream_progress(stub):
    call = pb.CallToolStreamRequest(call=request("count", to=3, interval_ms=20))
    for event in stub.CallToolStream(call, timeout=10):
        match event.WhichOneof("event"):
            case "progress":
                print(f"count: {event.progress.progress:.0f} of {event.progress.total:.0f}")
            case "result":
                print("count:", event.result.content[0].text.text)


def cancel(stub):
    call = pb.CallToolStreamRequest(call=request("count", to=1000, interval_ms=50))
    events = stub.CallToolStream(call)
    next(events)  # it runs
    events.cancel()
    try:
        for _ in events:  # what had come before
            pass
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.CANCELLED:
            raise
        print("count: cancelled")


def reason_of(error):
    """Why the bridge says that the call failed; docs/errors.md lists all reasons."""
    info = error_details_pb2.ErrorInfo()
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        if detail.Unpack(info):
            return info.reason
    return "no reason given"


def fail(stub):
    try:
        stub.CallTool(request("no_such_tool"), timeout=10)
    except grpc.RpcError as error:
        print("no_such_tool:", reason_of(error))


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"
    with grpc.insecure_channel(address) as channel:
        stub = pb_grpc.ToolServiceStub(channel)
        list_tools(stub)
        call(stub)
        call_past_its_deadline(stub)
        stream_progress(stub)
        cancel(stub)
        fail(stub)


if __name__ == "__main__":
    main()
