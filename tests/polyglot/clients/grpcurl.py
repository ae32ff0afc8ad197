"""grpcurl, with no proto files: what it is told by server reflection must do."""

import subprocess
import time

from support import GRPC, SLACK, TOOLS, check

CALL = "mcpbridge.v1.ToolService/CallTool"


def grpcurl(*words):
    return subprocess.run([f"{TOOLS}/bin/grpcurl", "-plaintext", *words], capture_output=True,
                          text=True, timeout=30)


listed = grpcurl(GRPC, "list")
check("list names our service and health",
      {"mcpbridge.v1.ToolService", "mcpbridge.v1.ResourceService", "grpc.health.v1.Health",
       "model_context_protocol.Mcp"} <= set(listed.stdout.split()), listed)

described = grpcurl(GRPC, "describe", "mcpbridge.v1.ToolService")
check("describe shows the RPC", "rpc CallTool" in described.stdout, described)
described = grpcurl(GRPC, "describe", "mcpbridge.v1.CallToolRequest")
check("describe shows the message", "arguments_json" in described.stdout, described)

check("and explains it", "// The tool's name, as ListTools gives it. Required." in described.stdout,
      described)

counted = grpcurl("-d", '{"call":{"name":"count","arguments":{"to":3}}}', GRPC,
                  "mcpbridge.v1.ToolService/CallToolStream")
check("a stream shows progress and the result", counted.stdout.count('"progress": {') == 3 and
      counted.stdout.count('"result": {') == 1, counted)

for service in ("", "mcp.demo"):
    health = grpcurl("-d", f'{{"service":"{service}"}}', GRPC, "grpc.health.v1.Health/Check")
    check(f"health of '{service}' is SERVING", '"SERVING"' in health.stdout, health)
health = grpcurl("-d", '{"service":"mcp.nobody"}', GRPC, "grpc.health.v1.Health/Check")
check("health of an unknown service is NOT_FOUND", "NotFound" in health.stderr, health)

called = grpcurl("-d", '{"name":"my_tool","arguments":{"query":"test"}}', GRPC, CALL)
check("a call gives the tool's text", '"result for test"' in called.stdout, called)

unknown = grpcurl("-d", '{"name":"no_such_tool"}', GRPC, CALL)
check("an unknown tool is NotFound", unknown.returncode and "NotFound" in unknown.stderr, unknown)
check("and grpcurl shows the reason", "TOOL_NOT_FOUND" in unknown.stderr, unknown)

start = time.monotonic()
late = grpcurl("-max-time", "0.3", "-d", '{"name":"sleep","arguments":{"ms":10000}}', GRPC, CALL)
check("a call past -max-time is DeadlineExceeded", "DeadlineExceeded" in late.stderr, late)
check("and ends in time", time.monotonic() - start < 0.3 + 2 * SLACK, time.monotonic() - start)
