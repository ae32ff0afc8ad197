"""Every RPC there is, found and called by server reflection alone: by grpcurl once, by ghz under a
short load. An RPC that isn't in REQUESTS fails the test.

RPCs of WATCHES stream until their caller has had enough. grpcurl leaves them at a deadline; ghz
when the first message is there, and so it reports cancelled calls, not good ones. Of answers ghz
sees no more than that they come: what is in them is grpcurl's part.
"""

import base64
import json
import subprocess

from support import GRPC, TOOLS, check

MCP = "model_context_protocol.Mcp"
OURS = "mcpbridge.v1"



def mcp_message(method, params, **request_id):
    """A ConnectRequest, as JSON."""
    message = {"jsonrpc": "2.0", **request_id, "method": method, "params": params}
    return {"message": base64.b64encode(json.dumps(message).encode()).decode()}


# What to send, several messages as a list, and a word of the answer. Servers: demo, and npm's
# everything.
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
    f"{OURS}.ResourceService/WatchResources":
        ({"uris": ["demo://resource/static/document/features.md"], "lists": ["WATCHED_LIST_TOOLS"]},
         '"watched"'),
    f"{OURS}.PromptService/ListPrompts": ({}, "simple-prompt"),
    f"{OURS}.PromptService/GetPrompt": ({"name": "simple-prompt"}, '"messages"'),
    f"{OURS}.CompletionService/Complete":
        ({"prompt": "completable-prompt", "argument_name": "department", "argument_value": "E"},
         "Engineering"),
    f"{OURS}.SessionService/Connect": (
        [mcp_message("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                    "clientInfo": {"name": "reflection", "version": "1"}}, id=1),
         mcp_message("notifications/initialized", {}),
         mcp_message("tools/call", {"name": "demo-my_tool", "arguments": {"query": "q"}}, id=2)],
        "result for q"),
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
    "grpc.health.v1.Health/Watch": ({}, "SERVING"),
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo":
        ({"list_services": ""}, f"{OURS}.ToolService"),
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo":
        ({"list_services": ""}, f"{OURS}.ToolService"),
}

WATCHES = {f"{OURS}.ResourceService/WatchResources", "grpc.health.v1.Health/Watch"}

CALLS = 60
AT_ONCE = 6


def grpcurl(*words):
    return subprocess.run([f"{TOOLS}/bin/grpcurl", "-plaintext", *words], capture_output=True,
                          text=True, timeout=30, check=False)


def rpcs():
    """Each RPC, as reflection tells."""
    listed = grpcurl(GRPC, "list")
    check("reflection lists the services", listed.returncode == 0, listed)
    found = set()
    for service in listed.stdout.split():
        described = grpcurl(GRPC, "describe", service)
        for line in described.stdout.splitlines():
            words = line.split()
            if words[:1] == ["rpc"]:
                found.add(f"{service}/{words[1]}")
    return found


def messages_in(text):
    """Of an RPC whose answers are bytes: what they say."""
    return "\n".join(base64.b64decode(line.split('"')[3]).decode() for line in text.splitlines()
                     if line.startswith('  "message": '))


def call(rpc):
    requests, word = REQUESTS[rpc]
    several = requests if isinstance(requests, list) else [requests]
    called = grpcurl("-max-time", "2" if rpc in WATCHES else "10",
                     "-d", "\n".join(map(json.dumps, several)), GRPC, rpc)
    ended = "DeadlineExceeded" in called.stderr if rpc in WATCHES else called.returncode == 0
    answer = messages_in(called.stdout) if rpc.endswith("/Connect") else called.stdout
    check(f"grpcurl calls {rpc}", ended and word in answer, called)


def load(rpc):
    requests, _ = REQUESTS[rpc]
    status, words = ("Canceled", ["--stream-call-count", "1"]) if rpc in WATCHES else ("OK", [])
    ran = subprocess.run([f"{TOOLS}/bin/ghz", "--insecure", "--call", rpc, "-d",
                          json.dumps(requests), "-n", str(CALLS), "-c", str(AT_ONCE),
                          "--timeout", "20s", "-O", "json", *words, GRPC], capture_output=True,
                         text=True, timeout=60, check=False)
    check(f"ghz ends for {rpc}", ran.returncode == 0, ran)
    report = json.loads(ran.stdout)
    check(f"each of {CALLS} calls of {rpc} by ghz ends with {status}",
          (report["count"], report["statusCodeDistribution"]) == (CALLS, {status: CALLS}),
          {key: report.get(key) for key in ("count", "statusCodeDistribution",
                                            "errorDistribution")})


found = rpcs()
check("what reflection finds is what we know", REQUESTS.keys() == found,
      REQUESTS.keys() ^ found)
for name in sorted(found):
    call(name)
for name in sorted(found):
    load(name)
