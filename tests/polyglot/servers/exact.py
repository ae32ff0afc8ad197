"""An MCP server over stdio whose only tool answers with its arguments, digit for digit."""

import json
import sys

BIG = 2**53 + 1  # the first integer that no double holds


def answer(method, params):
    if method == "initialize":
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "exact", "version": "1"}}
    if method == "tools/list":
        return {"tools": [{"name": "show_arguments", "inputSchema": {"type": "object"}}]}
    if method == "tools/call":
        text = json.dumps(params.get("arguments"))
        return {"content": [{"type": "text", "text": text}], "structuredContent": {"big": BIG}}
    return {} if method == "ping" else None


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message or "method" not in message:
        continue
    reply = {"jsonrpc": "2.0", "id": message["id"]}
    result = answer(message["method"], message.get("params"))
    if result is None:
        reply["error"] = {"code": -32601, "message": "Method not found"}
    else:
        reply["result"] = result
    print(json.dumps(reply), flush=True)
