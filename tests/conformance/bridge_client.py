#!/usr/bin/env python3
"""The client under test of the conformance suite's client half: a bridge with a client in front.

    bridge_client.py --bridge FILE --logs DIR [--protocol P] CLIENT... URL

URL is the suite's MCP server, which the suite itself adds to the command. Starts a bridge with that
server behind it, runs CLIENT... with the bridge's URL in its place, and ends as the client ended, or
with 1 where the bridge didn't end well.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))

from process import Failure, Process, end_of_bridge

CLIENT_SECONDS = 40  # less than the suite gives this whole command


def start_bridge(bridge, server, protocol, work):
    config = {
        "mcp_servers": {"suite": {"url": server, "transport": "http", "protocol": protocol}},
        "bridge": {"http_listen": "127.0.0.1:0", "grpc_listen": "127.0.0.1:0", "admin_listen": "off"},
    }
    (work / "bridge.yaml").write_text(json.dumps(config))  # JSON is YAML
    process = Process("bridge", [bridge, f"--config={work / 'bridge.yaml'}"], work / "bridge.log")
    try:
        return process, process.wait_for(r"(?m)^ready http=(\S+) grpc=\S+$")[1]
    except Failure:
        process.kill()
        raise


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bridge", required=True, type=pathlib.Path)
    parser.add_argument("--logs", required=True, type=pathlib.Path)
    parser.add_argument("--protocol", default="auto", help="what the bridge speaks to the server")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    *client, server = args.command
    scenario = os.environ.get("MCP_CONFORMANCE_SCENARIO", "none").replace("/", "_")
    work = pathlib.Path(tempfile.mkdtemp(prefix=f"{scenario}-", dir=args.logs))
    bridge, address = start_bridge(args.bridge, server, args.protocol, work)
    try:
        code = subprocess.run([*client, f"http://{address}/mcp"], timeout=CLIENT_SECONDS,
                              check=False).returncode
    except subprocess.TimeoutExpired:
        print(f"the client did not end within {CLIENT_SECONDS} s", file=sys.stderr)
        code = 1
    finally:
        problems = end_of_bridge(bridge)
    print(bridge.output(), *problems, sep="\n", file=sys.stderr)
    sys.exit(1 if problems else code)


if __name__ == "__main__":
    main()
