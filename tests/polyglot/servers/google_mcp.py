"""An MCP server with the published stubs of Google's gRPC transport, of the version that is installed
beside. Says on which port it listens. Each of the service's RPCs is there."""

import base64
import threading
from concurrent import futures

import grpc
from google.protobuf import struct_pb2
from mcp_grpc_transport_proto import mcp_messages_pb2 as pb
from mcp_grpc_transport_proto import mcp_pb2_grpc as pb_grpc

# In 0.1.0 a question has another name for the same field, and there is no state to come back.
ASKS = "request_state" in pb.ResponseFields.DESCRIPTOR.fields_by_name
STATE = "what only the server knows"

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(32))
lock = threading.Lock()
begun = 0
cancelled = 0


def text(value):
    return pb.CallToolResponse(
        content=[pb.CallToolResponse.Content(text=pb.TextContent(text=str(value)))])


class Server(pb_grpc.McpServicer):
    def ListTools(self, request, context):
        schema = struct_pb2.Struct()
        schema.update({"type": "object"})
        return pb.ListToolsResponse(tools=[
            pb.Tool(name=name, description=f"Tool {name}", input_schema=schema)
            for name in ("echo", "show", "image", "fail", "refuse", "wait", "count", "ask")])

    def CallTool(self, request, context):
        if request.request.name == "ask":
            return self.tool_ask(request.common)
        arguments = request.request.arguments
        return getattr(self, "tool_" + request.request.name)(arguments, context)

    def tool_echo(self, arguments, context):
        return text(arguments["text"])

    def tool_show(self, arguments, context):
        """What of the call only the transport knows."""
        metadata = dict(context.invocation_metadata())
        shown = struct_pb2.Struct()
        shown.update({"seconds": context.time_remaining(), "tool": metadata.get("mcp_tool"),
                      "whole": 3, "half": 0.5})
        answer = text("shown")
        answer.structured_content.CopyFrom(shown)
        return answer

    def tool_image(self, arguments, context):
        """Once as the bytes, once in base64, as Google's own server sends it."""
        return pb.CallToolResponse(content=[
            pb.CallToolResponse.Content(image=pb.ImageContent(data=data, mime_type="image/png"))
            for data in (PNG, base64.b64encode(PNG))])

    def tool_fail(self, arguments, context):
        answer = text("failed")
        answer.is_error = True
        return answer

    def tool_refuse(self, arguments, context):
        context.set_trailing_metadata((("mcp-error-code", "-32042"),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "refused")

    def tool_ask(self, common):
        """Greets the one whose name it is told."""
        answers = common.input_responses if ASKS else common.dependent_responses
        if "who" in answers:
            answer = answers["who"].elicit_result
            known = not ASKS or common.request_state == STATE
            return text(f"{pb.ElicitResult.Type.Name(answer.type)} {dict(answer.content)} "
                        f"{'known' if known else 'unknown'}")
        asked = pb.CallToolResponse()
        questions = asked.common.input_requests if ASKS else asked.common.dependent_requests
        question = questions["who"].elicit_request
        question.message = "Who are you?"
        question.requested_schema["name"].string_schema.title = "Name"
        question.required_fields.append("name")
        if ASKS:
            asked.common.result_type = pb.RESULT_TYPE_INPUT_REQUIRED
            asked.common.request_state = STATE
        return asked

    def tool_wait(self, arguments, context):
        """Until its caller has had enough."""
        global begun, cancelled
        over = threading.Event()
        context.add_callback(over.set)
        with lock:
            begun += 1
        if over.wait(60):
            with lock:
                cancelled += 1
        return text("nobody hears this")

    def tool_count(self, arguments, context):
        return text(f"{begun} begun, {cancelled} cancelled")

    def ListResources(self, request, context):
        return pb.ListResourcesResponse(resources=[pb.Resource(uri="test://a", name="a")])

    def ReadResource(self, request, context):
        return pb.ReadResourceResponse(
            resource=[pb.ResourceContents(uri=request.uri, text="read")])

    def ListResourceTemplates(self, request, context):
        return pb.ListResourceTemplatesResponse(
            resource_templates=[pb.ResourceTemplate(uri_template="test://{letter}", name="letter")])

    def ListPrompts(self, request, context):
        return pb.ListPromptsResponse(prompts=[pb.Prompt(
            name="greet", arguments=[pb.Prompt.Argument(name="name", required=True)])])

    def GetPrompt(self, request, context):
        return pb.GetPromptResponse(messages=[pb.PromptMessage(
            role=pb.ROLE_USER, text=pb.TextContent(text=f"Hello, {request.arguments['name']}"))])

    def Complete(self, request, context):
        """Of a name, with what is known already; of a template's letter."""
        typed = request.argument.value
        if request.HasField("resource_reference"):
            return pb.CompletionResponse(values=[f"{request.resource_reference.uri} {typed}"])
        known = dict(request.context.arguments)
        return pb.CompletionResponse(values=[f"{request.prompt_reference.name} {typed} {known}"],
                                     total_matches=7, has_more=True)


server = grpc.server(futures.ThreadPoolExecutor(32))
pb_grpc.add_McpServicer_to_server(Server(), server)
print(f"listening on port {server.add_insecure_port('127.0.0.1:0')}", flush=True)
server.start()
server.wait_for_termination()
