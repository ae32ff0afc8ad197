"""mcp-call, the command that comes with the bridge: what it prints, and its exit codes."""

import json
import os
import signal
import subprocess
import time

from support import GRPC, SLACK, cancels, check, demo_stats, wait_until

COMMAND = [os.environ["MCP_CALL"], "--address", GRPC]


def mcp_call(*words):
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=30)


def expect(code, *words, out=None, err=None):
    ended = mcp_call(*words)
    ok = ended.returncode == code and (out is None or out(ended.stdout)) and \
        (err is None or err in ended.stderr)
    check(f"mcp-call {' '.join(words)} exits with {code}", ok, ended)


expect(0, "echo", '{"text":"hello"}', out=lambda text: text == "hello\n")
expect(0, "--server", "demo", "my_tool", '{"query":"q"}', out=lambda text: text == "result for q\n")
expect(0, "--json", "echo", '{"text":"hello"}',
       out=lambda text: json.loads(text)["content"][0]["text"] == "hello")
expect(0, "image", out=lambda text: text.startswith("[image image/png, ") and text.count("\n") == 1)
expect(0, "mixed", out=lambda text: text.count("\n") == 6)
expect(0, "count", '{"to":2}', out=lambda text: text == "counted to 2\n",
       err="progress 1/2\nprogress 2/2\n")
expect(0, "--quiet", "--json", "count", '{"to":2}', out=lambda text: "content" in json.loads(text))
expect(0, "--list", out=lambda text: any(line.startswith("my_tool ") for line in text.splitlines()))
expect(0, "--list", "--server", "demo", "--json",
       out=lambda text: any("query" in tool["inputSchema"].get("properties", {})
                            for tool in map(json.loads, text.splitlines())))
expect(0, "--servers", out=lambda text: text.split()[:3] == ["demo", "http", "serving"])
expect(0, "--help", out=lambda text: "Exit codes" in text)
expect(1, "fail", err="the tool reports an error")
expect(2, err="which tool?")
expect(2, "--no_such_flag")
expect(2, "echo", "{}", "more")
expect(3, "no_such_tool", err="TOOL_NOT_FOUND")
expect(3, "--server", "nobody", "echo", err="SERVER_NOT_FOUND")
expect(3, "echo", "[1]", err="INVALID_ARGUMENTS")
expect(5, "--address", "127.0.0.1:1", "echo", err="is mcp-bridge running")

start = time.monotonic()
expect(4, "--timeout", "300ms", "sleep", '{"ms":30000}', err="DEADLINE_EXCEEDED")
check("at its deadline", time.monotonic() - start < 0.3 + SLACK, time.monotonic() - start)
wait_until("the server is told of one cancelled call", lambda: cancels() == 1)

for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
    before = cancels()
    with subprocess.Popen([*COMMAND, "sleep", '{"ms":30000}'], stderr=subprocess.PIPE) as call:
        wait_until("the call runs", lambda: demo_stats()["in_flight"] == 1)
        call.send_signal(number)
        check(f"{number.name} ends it with {code}", call.wait(10) == code, call.returncode)
    wait_until("the server is told of it", lambda: cancels() == before + 1)
