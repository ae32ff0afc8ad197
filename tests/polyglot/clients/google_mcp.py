"""The published stubs of Google's gRPC transport for MCP, of the version that is installed beside."""

import importlib.metadata

import grpc
from google.protobuf import struct_pb2
from mcp_grpc_transport_proto import mcp_messages_pb2 as pb
from mcp_grpc_transport_proto import mcp_pb2_grpc as pb_grpc

from support import GRPC, check

ECHO = struct_pb2.Struct()
ECHO.update({"text": "hello"})


def call(name, arguments=None):
    return pb.CallToolRequest(request=pb.CallToolRequest.Request(name=name, arguments=arguments))


def tools(stub):
    answer = stub.ListTools(pb.ListToolsRequest())
    found = {tool.name: tool for tool in answer.tools}
    check("tools of both servers are listed", {"demo-my_tool", "everything_stdio-echo"} <=
          found.keys(), sorted(found))
    check("with schemas and hints", "query" in found["demo-my_tool"].input_schema["properties"] and
          found["demo-my_tool"].annotations.read_only_hint, found["demo-my_tool"])
    if "ttl" in pb.ListToolsResponse.DESCRIPTOR.fields_by_name:
        check("and a lifetime", answer.ttl.seconds > 0, answer.ttl)
    if "cache_scope" in pb.ListToolsResponse.DESCRIPTOR.fields_by_name:  # since 0.2.0
        check("for the one who asked", answer.cache_scope == pb.CACHE_SCOPE_PRIVATE, answer)

    echoed = stub.CallTool(call("demo-echo", ECHO), timeout=10)
    check("a call is answered", echoed.content[0].text.text == "hello", echoed)
    numbers = struct_pb2.Struct()
    numbers.update({"to": 3})
    counted = stub.CallTool(call("count", numbers), timeout=10)
    check("whole numbers arrive as integers", not counted.is_error, counted)
    image = stub.CallTool(call("image"), timeout=10)
    check("bytes are bytes", image.content[0].image.data.startswith(b"\x89PNG"), image)
    mixed = stub.CallTool(call("mixed"), timeout=10)
    kinds = {field.name for block in mixed.content for field, _ in block.ListFields()}
    check("every kind of content has its field",
          {"text", "image", "audio", "embedded_resource", "resource_link"} <= kinds, kinds)
    failed = stub.CallTool(call("fail"), timeout=10)
    check("a tool's own failure is a successful call", failed.is_error, failed)


def failures(stub):
    for request, status, code in (
            (call("no_such_tool"), grpc.StatusCode.NOT_FOUND, "-32602"),
            (pb.CallToolRequest(), grpc.StatusCode.INVALID_ARGUMENT, "-32602")):
        try:
            stub.CallTool(request, timeout=10)
            check("the call fails", False)
        except grpc.RpcError as error:
            trailers = dict(error.trailing_metadata())
            check(f"{status.name} with MCP's code in mcp-error-code",
                  error.code() == status and trailers.get("mcp-error-code") == code,
                  (error.code(), trailers))
    slow = struct_pb2.Struct()
    slow.update({"ms": 30000})
    try:
        stub.CallTool(call("sleep", slow), timeout=0.3)
        check("the call fails", False)
    except grpc.RpcError as error:
        check("a deadline holds", error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error)


def resources(stub):
    listed = stub.ListResources(pb.ListResourcesRequest()).resources
    check("resources are listed", len(listed) > 0, listed)
    read = stub.ReadResource(pb.ReadResourceRequest(uri=listed[0].uri), timeout=10)
    check("one is read", read.resource[0].uri == listed[0].uri and
          (read.resource[0].text or read.resource[0].blob), read)
    templates = stub.ListResourceTemplates(pb.ListResourceTemplatesRequest()).resource_templates
    check("templates are listed", all("{" in one.uri_template for one in templates) and templates,
          templates)


def prompts(stub):
    listed = {prompt.name: prompt for prompt in stub.ListPrompts(pb.ListPromptsRequest()).prompts}
    plain = next(name for name, prompt in listed.items()
                 if not any(argument.required for argument in prompt.arguments))
    got = stub.GetPrompt(pb.GetPromptRequest(name=plain), timeout=10)
    check("a prompt is got", got.messages[0].role == pb.ROLE_USER and got.messages[0].text.text, got)
    argued = next(prompt for prompt in listed.values() if "complet" in prompt.name)
    answer = stub.Complete(pb.CompletionRequest(
        prompt_reference=pb.PromptReference(name=argued.name),
        argument=pb.CompletionRequest.Argument(name=argued.arguments[0].name, value="")), timeout=10)
    check("its argument is completed", len(answer.values) > 0, answer)


def asking(name):
    """A call of a tool that asks, by somebody who can answer."""
    asking = call(name)
    asking.common.metadata.update(
        {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}})
    return asking


def question(stub):
    """An older server's, asked while its tool runs."""
    if "request_state" not in pb.ResponseFields.DESCRIPTOR.fields_by_name:
        return  # before 0.2.0 nothing says which of the calls under way an answer belongs to
    request = asking("asks-ask")
    asked = stub.CallTool(request, timeout=10)
    check("a question is a response of its own, with a state",
          asked.common.result_type == pb.RESULT_TYPE_INPUT_REQUIRED and
          asked.common.request_state and len(asked.common.input_requests) == 1, asked)
    (key, question), = asked.common.input_requests.items()
    check("it says what is wanted", question.elicit_request.message == "Who are you?" and
          question.elicit_request.requested_schema["name"].string_schema.title == "Name" and
          list(question.elicit_request.required_fields) == ["name"], question)
    answer = request.common.input_responses[key].elicit_result
    answer.type = pb.ElicitResult.TYPE_ACCEPT
    answer.content.update({"name": "Ada"})
    request.common.request_state = asked.common.request_state
    told = stub.CallTool(request, timeout=10)
    check("the answer reaches the server, and its result the caller",
          told.common.result_type == pb.RESULT_TYPE_COMPLETE and
          told.content[0].text.text == "accept: {'name': 'Ada'}", told)

    again = asking("asks-ask")
    asked = stub.CallTool(again, timeout=10)
    (key, _), = asked.common.input_requests.items()
    again.common.input_responses[key].elicit_result.type = pb.ElicitResult.TYPE_DECLINE
    again.common.request_state = asked.common.request_state
    told = stub.CallTool(again, timeout=10)
    check("a refusal too", told.content[0].text.text == "decline: None", told)
    try:
        told = stub.CallTool(again, timeout=10)
        check("an answer counts once", False, told)
    except grpc.RpcError as error:
        check("an answer counts once", error.code() == grpc.StatusCode.INVALID_ARGUMENT, error)


print("mcp-grpc-transport-proto", importlib.metadata.version("mcp-grpc-transport-proto"))
with grpc.insecure_channel(GRPC, options=[("grpc.enable_http_proxy", 0)]) as channel:
    for part in (tools, failures, resources, prompts, question):
        part(pb_grpc.McpStub(channel))
