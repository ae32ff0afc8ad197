"""A bridge with its admin listener, in front of servers of every kind, for the tests beside this."""

import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.process import Process  # noqa: E402

SKIPPED = 77
KEY = "page-key"

# A tool whose schema has what forms are made of.
SHAPES = {
    "name": "shapes",
    "title": "Shapes",
    "description": "Answers with its arguments, as they came.",
    "inputSchema": {
        "type": "object",
        "required": ["big", "colour", "where"],
        "properties": {
            "big": {"type": "integer", "description": "Any whole number, however large"},
            "colour": {"enum": ["red", "green", "a \"quoted\" one"]},
            "where": {"$ref": "#/$defs/place"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "loud": {"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": False},
            "free": {"description": "Anything at all"},
            "unused": {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]},
        },
        "$defs": {"place": {"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"}, "height": {"type": "number", "minimum": 0}}}},
    },
}


class ShapesHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        message = json.loads(text)
        result = {"initialize": lambda: {
                      "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                      "serverInfo": {"name": "shapes", "version": "1"}},
                  "tools/list": lambda: {"tools": [SHAPES]},
                  "tools/call": lambda: {"content": [{"type": "text", "text": text}]},
                  "ping": dict}.get(message.get("method"))
        if "id" not in message:
            return self.answer(202, b"")
        answer = {"jsonrpc": "2.0", "id": message["id"]}
        if result:
            answer["result"] = result()
        else:
            answer["error"] = {"code": -32601, "message": "no such method"}
        return self.answer(200, json.dumps(answer).encode())

    def do_GET(self):
        self.answer(405, b"")

    do_DELETE = do_GET

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if body:
            self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Stack:
    """The bridge at `admin` and `http` ("host:port"), in front of: demo (http), shapes (http),
    child (stdio), gone (nobody there)."""

    def __init__(self, bridge, demo, work):
        self.work = work
        self.stack = contextlib.ExitStack()
        self.demo = self.start("demo", [demo, "--port=0"])
        url = self.demo.wait_for(r"(?m)listening on (http://\S+)")[1]
        shapes = http.server.ThreadingHTTPServer(("127.0.0.1", 0), ShapesHandler)
        self.stack.callback(shapes.shutdown)
        threading.Thread(target=shapes.serve_forever, daemon=True).start()
        config = work / "bridge.yaml"
        config.write_text(json.dumps({
            "mcp_servers": {
                "demo": {"url": url, "description": "What the quickstart has"},
                "shapes": {"url": f"http://127.0.0.1:{shapes.server_port}/mcp"},
                "child": {"command": str(demo)},
                "gone": {"url": "http://127.0.0.1:1/mcp", "description": "Nobody is there"}},
            "general_settings": {"master_key": KEY},
            "bridge": {"http_listen": "127.0.0.1:0", "grpc_listen": "127.0.0.1:0",
                       "admin_listen": "localhost:0", "access_log": "json"}}))
        self.bridge = self.start("bridge", [bridge, f"--config={config}"])
        ready = self.bridge.wait_for(r"(?m)^ready http=(\S+) grpc=(\S+) admin=(\S+)$")
        self.http, self.grpc, self.admin = ready.groups()

    def start(self, name, command):
        process = Process(name, command, self.work / f"{name}.log")
        self.stack.callback(process.stop)
        return process

    def close(self):
        self.stack.close()

    def ask(self, method, path, body=None, headers=None, at=None):
        """(status, text) of a request to the admin listener, with the key."""
        connection = http.client.HTTPConnection(at or self.admin, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"x-litellm-api-key": KEY, **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read().decode()

    def call(self, server, tool, arguments, headers=None):
        """The answer to a call over HTTP."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                           "params": {"name": tool, "arguments": arguments}})
        return json.loads(self.ask(
            "POST", f"/mcp/{server}", body,
            {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})},
            at=self.http)[1])

    def metrics(self):
        """{"name{labels}": value} of /metrics."""
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
                for line in self.ask("GET", "/metrics")[1].splitlines() if line[0] != "#"}

    def access_lines(self):
        return [json.loads(line) for line in self.bridge.output().splitlines()
                if line.startswith('{"time"')]


def need(*programs):
    """Skips the test (fails it in CI) where a program is missing."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        print(f"{', '.join(missing)} is not installed: scripts/install-deps.sh --test")
        sys.exit(1 if os.environ.get("CI") == "true" else SKIPPED)


def names_in(text):
    """Names of the bridge's metrics that a text mentions, without what histograms add to them."""
    found = set(re.findall(r"\b(?:mcpbridge|process)_[a-z_]+\b", text))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in found}
