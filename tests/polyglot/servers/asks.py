"""An older MCP server over stdio whose only tool asks its caller while it runs."""

import json
import sys


def say(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def hear():
    """The next message; without one the session is over."""
    line = sys.stdin.readline()
    return json.loads(line) if line else sys.exit()


def name_of_caller():
    say({"id": "who", "method": "elicitation/create",
         "params": {"message": "Who are you?", "requestedSchema": {
             "type": "object", "properties": {"name": {"type": "string", "title": "Name"}},
             "required": ["name"]}}})
    while (answer := hear()).get("id") != "who" or "method" in answer:
        pass
    if "error" in answer:
        return "refused"
    return f"{answer['result']['action']}: {answer['result'].get('content')}"


def answer(method):
    if method == "initialize":
        return {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "asks", "version": "1"}}
    if method == "tools/list":
        return {"tools": [{"name": "ask", "inputSchema": {"type": "object"}}]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": name_of_caller()}]}
    return {} if method == "ping" else None


while True:
    message = hear()
    if "id" not in message or "method" not in message:
        continue
    result = answer(message["method"])
    if result is None:
        say({"id": message["id"], "error": {"code": -32601, "message": "Method not found"}})
    else:
        say({"id": message["id"], "result": result})
