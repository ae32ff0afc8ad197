"""What the clients in Python share. Standard library only."""

import json
import os
import sys
import time
import urllib.error
import urllib.request

HTTP = os.environ["BRIDGE_HTTP"]
GRPC = os.environ["BRIDGE_GRPC"]
TOOLS = os.environ["TOOLS"]

# Beside the 20 ms that the bridge promises: what a busy machine and a process's start may add.
SLACK = 0.5


def check(what, ok, found=None):
    """Says that `what` holds, or ends the test."""
    if not ok:
        sys.exit(f"FAILED: {what}: {found!r}")
    print(f"ok: {what}", flush=True)


def wait_until(what, condition, seconds=5):
    """Looks again and again until condition() is true: another process gives no other sign."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    check(what, condition())


def demo_stats():
    """What the demo server has counted so far."""
    with urllib.request.urlopen(os.environ["DEMO_STATS"], timeout=5) as answer:
        return json.load(answer)


def cancels():
    """How many notifications/cancelled the demo server has had."""
    return demo_stats()["requests"]["notifications/cancelled"]


def post(path, message, headers=None, seconds=30):
    """(HTTP status, JSON-RPC answer) of one message posted to the bridge."""
    request = urllib.request.Request(HTTP + path, json.dumps(message).encode(), {
        "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
        **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, parse(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, parse(error)


def events_of(path, message):
    """The messages of the event stream that answers one message posted to the bridge."""
    request = urllib.request.Request(HTTP + path, json.dumps(message).encode(), {
        "Content-Type": "application/json", "Accept": "application/json, text/event-stream"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        check("the answer is a stream", answer.headers.get_content_type() == "text/event-stream")
        return [json.loads(line[5:]) for line in answer.read().decode().splitlines()
                if line.startswith("data:")]


def parse(answer):
    body = answer.read().decode()
    if answer.headers.get_content_type() == "text/event-stream":
        events = [line[5:] for line in body.splitlines() if line.startswith("data:")]
        body = events[-1]
    return json.loads(body)


def call_over_http(name, arguments, path="/mcp/", **options):
    return post(path, {"jsonrpc": "2.0", "id": 7, "method": "tools/call",
                       "params": {"name": name, "arguments": arguments}}, **options)
