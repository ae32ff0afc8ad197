"""Every RPC there is, found and called by server reflection alone: by grpcurl once, by ghz under a
short load. An RPC that isn't in REQUESTS gets an empty message, and must answer to that."""

import json
import subprocess

from support import GRPC, TOOLS, check

MCP = "model_context_protocol.Mcp"
OURS = "mcpbridge.v1"

# What to send, and a word of the answer. Servers: demo, and npm's everything.
REQUESTS = {
    f"{OURS}.ToolService/CallTool":
        ({"server": "demo", "name": "my_tool", "arguments": {"query": "q"}}, "result for q"),
    f"{OURS}.ToolService/CallToolStream":
        ({"call": {"name": "count", "arguments": {"to": 3}}}, "counted to 3"),
    f"{OURS}.ToolService/ListTools": ({}, "demo-my_tool"),
    f"{OURS}.ToolService/ListServers": ({}, "everything_stdio"),
    f"{OURS}.ResourceService/ListResources": ({}, '"uri"'),
    f"{OURS}.ResourceService/ListResourceTemplates": ({}, '"uriTemplate"'),
    f"{OURS}.ResourceService/ReadResource":
        ({"uri": "demo://resource/static/document/features.md"}, '"contents"'),
    f"{OURS}.PromptService/ListPrompts": ({}, "simple-prompt"),
    f"{OURS}.PromptService/GetPrompt": ({"name": "simple-prompt"}, '"messages"'),
    f"{OURS}.CompletionService/Complete":
        ({"prompt": "completable-prompt", "argument_name": "department", "argument_value": "E"},
         "Engineering"),
    f"{MCP}/ListTools": ({}, "demo-my_tool"),
    f"{MCP}/CallTool":
        ({"request": {"name": "my_tool", "arguments": {"query": "q"}}}, "result for q"),
    f"{MCP}/ListResources": ({}, '"uri"'),
    f"{MCP}/ListResourceTemplates": ({}, '"uriTemplate"'),
    f"{MCP}/ReadResource": ({"uri": "demo://resource/static/document/features.md"}, '"uri"'),
    f"{MCP}/ListPrompts": ({}, "simple-prompt"),
    f"{MCP}/GetPrompt": ({"name": "simple-prompt"}, '"messages"'),
    f"{MCP}/Complete":
        ({"prompt_reference": {"name": "completable-prompt"},
          "argument": {"name": "department", "value": "E"}}, "Engineering"),
    "grpc.health.v1.Health/Check": ({}, "SERVING"),
    "grpc.health.v1.Health/Watch": ({}, "SERVING"),  # until its deadline
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo":
        ({"list_services": ""}, f"{OURS}.ToolService"),
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo":
        ({"list_services": ""}, f"{OURS}.ToolService"),
}

CALLS = 60
AT_ONCE = 6


def grpcurl(*words):
    return subprocess.run([f"{TOOLS}/bin/grpcurl", "-plaintext", *words], capture_output=True,
                          text=True, timeout=30, check=False)


def rpcs():
    """{RPC: whether it streams}, as reflection tells."""
    listed = grpcurl(GRPC, "list")
    check("reflection lists the services", listed.returncode == 0, listed)
    found = {}
    for service in listed.stdout.split():
        described = grpcurl(GRPC, "describe", service)
        for line in described.stdout.splitlines():
            words = line.split()
            if words[:1] == ["rpc"]:
                found[f"{service}/{words[1]}"] = "stream" in words
    return found


def call(rpc):
    request, word = REQUESTS.get(rpc, ({}, ""))
    called = grpcurl("-max-time", "2" if rpc.endswith("/Watch") else "10",
                     "-d", json.dumps(request), GRPC, rpc)
    if rpc in REQUESTS:
        late = rpc.endswith("/Watch") and "DeadlineExceeded" in called.stderr
        check(f"grpcurl calls {rpc}", (called.returncode == 0 or late) and word in called.stdout,
              called)
    else:
        check(f"grpcurl gets an answer of {rpc}",
              called.returncode == 0 or "mcpbridge" in called.stderr or
              "DeadlineExceeded" in called.stderr, called)


def load(rpc):
    request, _ = REQUESTS[rpc]
    ran = subprocess.run([f"{TOOLS}/bin/ghz", "--insecure", "--call", rpc, "-d", json.dumps(request),
                          "-n", str(CALLS), "-c", str(AT_ONCE), "--timeout", "20s", "-O", "json",
                          GRPC], capture_output=True, text=True, timeout=60, check=False)
    check(f"ghz ends for {rpc}", ran.returncode == 0, ran)
    report = json.loads(ran.stdout)
    check(f"all of {CALLS} calls of {rpc} by ghz are answered with OK",
          (report["count"], report["statusCodeDistribution"]) == (CALLS, {"OK": CALLS}),
          {key: report.get(key) for key in ("count", "statusCodeDistribution",
                                            "errorDistribution")})


found = rpcs()
check("each RPC that we know is found by reflection", REQUESTS.keys() <= found.keys(),
      REQUESTS.keys() - found.keys())
for name in sorted(found):
    call(name)
for name in sorted(REQUESTS.keys()):
    if not found[name] or name == f"{OURS}.ToolService/CallToolStream":
        load(name)
