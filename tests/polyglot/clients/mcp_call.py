"""mcp-call, the command that comes with the bridge: what it prints, and its exit codes."""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import termios
import time

from support import GRPC, SLACK, cancels, check, demo_stats, wait_until
from tls_endpoint import TlsEndpoint, make_certificate

COMMAND = [os.environ["MCP_CALL"], "--address", GRPC]


def mcp_call(*words):
    return subprocess.run([*COMMAND, *map(str, words)], capture_output=True, text=True, timeout=30)


def expect(code, *words, out=None, err=None):
    ended = mcp_call(*words)
    ok = ended.returncode == code and (out is None or out(ended.stdout)) and \
        (err is None or err in ended.stderr)
    check(f"mcp-call {' '.join(map(str, words))} exits with {code}", ok, ended)


expect(0, "echo", '{"text":"hello"}', out=lambda text: text == "hello\n")
expect(0, "--server", "demo", "my_tool", '{"query":"q"}', out=lambda text: text == "result for q\n")
expect(0, "--json", "echo", '{"text":"hello"}',
       out=lambda text: json.loads(text)["content"][0]["text"] == "hello")
expect(0, "image", out=lambda text: text.startswith("[image image/png, 1x1, ") and text.count("\n") == 1)
expect(0, "mixed", out=lambda text: text.count("\n") == 6)
expect(0, "count", '{"to":2}', out=lambda text: text == "counted to 2\n",
       err="progress 1/2\nprogress 2/2\n")
expect(0, "--quiet", "--json", "count", '{"to":2}', out=lambda text: "content" in json.loads(text))
expect(0, "--list", out=lambda text: any(line.startswith("my_tool ") for line in text.splitlines()))
expect(0, "--list", "--server", "demo", "--json",
       out=lambda text: any("query" in tool["inputSchema"].get("properties", {})
                            for tool in map(json.loads, text.splitlines())))
expect(0, "--servers", out=lambda text: text.split()[:3] == ["demo", "http", "serving"])
expect(0, "--servers", "--json", out=lambda text: json.loads(text)["health"] == "serving")
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

# Progress as a bar, where somebody looks at it.
BAR = 24
ERASE = "\x1b[K"


def on_terminal(columns, *words):
    """(exit code, stdout, what came to a terminal that stderr is)"""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    seen = b""
    with subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=its,
                          text=True) as call:
        os.close(its)
        # As long as anything has its end open; then reading fails.
        while select.select([ours], [], [], 30)[0]:
            try:
                seen += os.read(ours, 4096)
            except OSError:
                break
        os.close(ours)
        return call.wait(30), call.stdout.read(), seen.decode()


def drawn(columns):
    """Four steps as bars of one line, and then nothing."""
    bars = (f"[{'=' * filled}{' ' * (BAR - filled)}] {percent}%"[:columns - 1]
            for filled, percent in ((6, 25), (12, 50), (18, 75), (24, 100)))
    return "".join(f"\r{bar}{ERASE}" for bar in bars) + f"\r{ERASE}"


for columns in (80, 20):
    shown = on_terminal(columns, "count", '{"to":4}')
    check(f"on a terminal of {columns} columns progress is one bar that grows, and leaves no trace",
          shown == (0, "counted to 4\n", drawn(columns)), shown)
check("--quiet draws none", on_terminal(80, "--quiet", "count", '{"to":4}') ==
      (0, "counted to 4\n", ""))
shown = on_terminal(80, "--timeout", "1s", "count", '{"to":1000,"interval_ms":50}')
check("a failure takes the bar's place",
      shown[:2] == (4, "") and f"%{ERASE}\r{ERASE}mcp-call: Deadline Exceeded\r\n" in shown[2],
      shown)

# TLS, to an endpoint before the bridge.
work = pathlib.Path(os.environ["WORK"])
bridge_pem, bridge_key = make_certificate(work / "bridge", "bridge.example")
caller_pem, caller_key = make_certificate(work / "caller", "caller.example")
trusting = ("--tls_ca", bridge_pem, "--tls_name", "bridge.example")
with TlsEndpoint(GRPC, bridge_pem, bridge_key) as endpoint:
    at = ("--address", endpoint.address)
    expect(0, *at, *trusting, "echo", '{"text":"hello"}', out=lambda text: text == "hello\n")
    expect(5, *at, "--tls", "--tls_name", "bridge.example", "echo", err="--tls_ca")
    expect(5, *at, "--tls_ca", bridge_pem, "echo", err="--tls_name")
    expect(2, *at, "--tls_ca", work / "no_such.pem", "echo", err="no_such.pem")
    expect(5, *at, "--timeout", "5s", "echo", err="127.0.0.1")
with TlsEndpoint(GRPC, bridge_pem, bridge_key, callers=caller_pem) as endpoint:
    at = ("--address", endpoint.address)
    expect(0, *at, *trusting, "--tls_cert", caller_pem, "--tls_key", caller_key, "--list")
    expect(5, *at, *trusting, "--list")
    expect(2, *at, *trusting, "--tls_cert", caller_pem, "echo", err="go together")

# What shells ask while somebody types.
def complete(line):
    start = time.monotonic()
    ended = subprocess.run([COMMAND[0], "--complete", line], capture_output=True, text=True,
                           timeout=30, check=False)
    check(f"completing '{line}' ends well, soon and without a word of its own",
          (ended.returncode, ended.stderr) == (0, "") and time.monotonic() - start < 0.5 + SLACK,
          ended)
    return [row.split("\t")[0] for row in ended.stdout.splitlines()]


TO_BRIDGE = f"mcp-call --address {GRPC} "
check("tools' names are completed", complete(TO_BRIDGE + "m") == ["mixed", "my_tool"])
check("servers' names are completed", complete(TO_BRIDGE + "--server ") == ["demo"])
check("flags are those of --help", set(complete("mcp-call --")) ==
      set(re.findall(r"--[a-z_]+", mcp_call("--help").stdout)), complete("mcp-call --"))
check("nothing is completed where no bridge is", complete("mcp-call --address 127.0.0.1:1 ") == [])
with socket.create_server(("127.0.0.1", 0)) as silent:
    check("nor where nobody answers",
          complete(f"mcp-call --address 127.0.0.1:{silent.getsockname()[1]} ") == [])
expect(2, "--completion", "tcsh", err="bash, zsh and fish")
for shell, syntax in (("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")):
    script = work / f"completion.{shell}"
    script.write_text(mcp_call("--completion", shell).stdout)
    if shutil.which(shell):
        checked = subprocess.run([shell, syntax, script], capture_output=True, text=True, check=False)
        check(f"{shell} understands its script", checked.returncode == 0, checked)
line = TO_BRIDGE + "m"
asked = subprocess.run(
    ["bash", "-c", f"""
        PATH={pathlib.Path(COMMAND[0]).parent}:$PATH
        source {work}/completion.bash
        complete -p mcp-call
        COMP_LINE='{line} ignored' COMP_POINT={len(line)} COMP_WORDS=({line}) COMP_CWORD=3
        _mcp_call
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """], capture_output=True, text=True, timeout=30, check=False)
check("bash completes", asked.stdout.splitlines()[1:] == ["mixed", "my_tool"], asked)
