"""Spans reach a collector: traces.py BRIDGE_PROGRAM.

A receiver of OTLP over HTTP that decodes what comes with OpenTelemetry's own messages, and a bridge of the
test's own that is told to send its spans there.
"""

import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import urllib.request

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from support import check, wait_until

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
heard = []
refuse = threading.Event()
refused = threading.Event()


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if refuse.is_set():
            self.send_response(503)
            refused.set()
        else:
            request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
            heard.append((self.path, dict(self.headers), request))
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def spans():
    return [span for _, _, request in list(heard) for resource in request.resource_spans
            for scope in resource.scope_spans for span in scope.spans]


def attributes(holder):
    return {one.key: one.value.string_value for one in holder.attributes}


def call(address, tool, arguments, headers=()):
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": tool, "arguments": arguments}}
    request = urllib.request.Request(
        f"http://{address}/mcp", json.dumps(body).encode(),
        {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
         **dict(headers)})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def one(kind, name):
    found = [span for span in spans() if span.kind == kind and span.name == name]
    check(f"one span of kind {kind} called {name}", len(found) == 1, spans())
    return found[0]


def main(program):
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    work = pathlib.Path(os.environ["WORK"])
    demo = os.environ["DEMO_STATS"].removesuffix("/stats")
    file = work / "traced.yaml"
    file.write_text(json.dumps({
        "mcp_servers": {"demo": {"url": f"{demo}/mcp"}},
        "bridge": {"http_listen": "127.0.0.1:0", "grpc_listen": "127.0.0.1:0", "admin_listen": "off",
                   "traces": {"endpoint": f"http://127.0.0.1:{collector.server_port}/v1/traces",
                              "headers": {"X-Collector-Key": "secret"}}}}))
    bridge = subprocess.Popen([program, f"--config={file}"], stdout=subprocess.PIPE, text=True)
    try:
        address = re.match(r"ready http=(\S+) ", bridge.stdout.readline())[1]
        call(address, "echo", {"text": "x"}, {"traceparent": PARENT, "tracestate": "a=1"})
        wait_until("two spans come", lambda: len(spans()) == 2)
        serving, sending = one(2, "tools/call echo"), one(3, "tools/call echo")
        check("in the caller's trace", {serving.trace_id.hex(), sending.trace_id.hex()}
              == {PARENT[3:35]}, serving)
        check("below the caller", serving.parent_span_id.hex() == PARENT[36:52], serving)
        check("and below each other", sending.parent_span_id == serving.span_id, sending)
        check("with the caller's state", serving.trace_state == sending.trace_state == "a=1")
        check("their times fit", 0 < serving.start_time_unix_nano <= sending.start_time_unix_nano
              <= sending.end_time_unix_nano <= serving.end_time_unix_nano, serving)
        check("MCP's attributes", attributes(sending) == {
            "mcp.method.name": "tools/call", "gen_ai.tool.name": "echo",
            "gen_ai.operation.name": "execute_tool", "mcpbridge.server": "demo"}, sending)
        path, headers, request = heard[0]
        check("the path and the header", (path, headers.get("X-Collector-Key"))
              == ("/v1/traces", "secret"), (path, headers))
        resource = attributes(request.resource_spans[0].resource)
        check("the resource", resource["service.name"] == "mcp-bridge", resource)

        heard.clear()
        call(address, "no_such_tool", {})
        call(address, "fail", {})
        wait_until("more come", lambda: {span.name for span in spans()}
                   >= {"tools/call fail", "tools/call no_such_tool"})
        check("failures are errors", all(span.status.code == 2 for span in spans()), spans())
        failed = {span.name: attributes(span)["error.type"] for span in spans()}
        check("and say which", failed["tools/call fail"] == "tool_error", failed)

        heard.clear()
        call(address, "x" + "ö" * 1000, {})
        wait_until("a name that is too long comes shortened", lambda: len(spans()) >= 1)
        check("and readable", spans()[0].name == "tools/call x" + "?" * 255, spans()[0].name)

        heard.clear()
        refuse.set()
        call(address, "echo", {"text": "late"})
        check("they are refused", refused.wait(10))
        refuse.clear()
        wait_until("what was refused for a moment comes again", lambda: len(spans()) == 2)
        heard.clear()
        call(address, "echo", {"text": "last"})
        bridge.terminate()
        check("the bridge ends well", bridge.wait(timeout=20) == 0)
        check("and sends what it still has", len(spans()) == 2, spans())
    finally:
        bridge.kill()


main(sys.argv[1])
