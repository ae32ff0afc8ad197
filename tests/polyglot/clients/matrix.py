"""One real client against each kind of real server behind the bridge: matrix.py CLIENT SERVER...

Each lists the tools of npm's server-everything and calls its `echo`, at the server's own path.
"""

import os
import pathlib
import subprocess
import sys

from support import HTTP, TOOLS, check

HERE = pathlib.Path(__file__).resolve().parent
WORK = os.environ["WORK"]  # where node finds its packages
PYTHON = f"{TOOLS}/python/bin/python"
NODE = f"{TOOLS}/node/node_modules"

# What lists the tools and calls `echo`, up to where URL and text follow.
CLIENTS = {
    "ts_v1": ["node", f"{WORK}/echo_ts_v1.mjs"],
    "ts_v2_default": ["node", f"{WORK}/echo_ts_v2.mjs", "default"],
    "ts_v2_auto": ["node", f"{WORK}/echo_ts_v2.mjs", "auto"],
    "python_auto": [PYTHON, "-B", HERE / "echo_python.py", "auto"],
    "python_legacy": [PYTHON, "-B", HERE / "echo_python.py", "legacy"],
    "fastmcp": [f"{TOOLS}/python_fastmcp/bin/python", "-B", HERE / "echo_fastmcp.py"],
    "go": [f"{TOOLS}/bin/echo_go"],
}


def command_of(client, url, text):
    if client == "inspector":
        return ["node", f"{NODE}/@modelcontextprotocol/inspector/cli/build/cli.js", "--cli", url,
                "--transport", "http", "--method", "tools/call", "--tool-name", "echo",
                "--tool-arg", f"message={text}"]
    if client == "mcp_remote":
        return [PYTHON, "-B", HERE / "echo_python.py", "stdio",
                "node", f"{NODE}/mcp-remote/dist/proxy.js", url, text]
    return [*CLIENTS[client], url, text]


def main(client, *servers):
    for server in servers:
        text = f"from {client} to {server}"
        command = command_of(client, f"{HTTP}/{server}/mcp", text)
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              timeout=60, check=False)
        check(f"{client} calls a tool of {server}",
              done.returncode == 0 and f"Echo: {text}" in done.stdout,
              (done.returncode, done.stdout[-2000:], done.stderr[-4000:]))


main(*sys.argv[1:])
