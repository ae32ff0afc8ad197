#!/usr/bin/env python3
"""Runs one polyglot test: a client in another language against a real bridge and real MCP servers.

    run.py NAME --bridge FILE --demo FILE --mcp_call FILE --proto DIR --tools DIR

Starts the MCP servers and the bridge on free ports, runs the client for a bounded time, stops
everything, and checks on the way out that the bridge ended well and left no process behind. Exit
code 0: passed, 1: failed, 77: skipped, setup.sh's installs are not there (with CI=true: failed).
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

from process import START_SECONDS, Failure, Process, end_of_bridge

SKIPPED = 77
KEY = "sk-your-key-here"  # what three_calls.sh sends


@dataclasses.dataclass
class Test:
    client: list  # its command; {tools}, {here}, {work} and {bridge} are filled in
    servers: tuple = ("demo",)
    needs: tuple = ()  # files below --tools, and programs
    stubs: bool = False  # the client imports Python stubs of proto/
    key: bool = False  # the bridge asks for KEY
    port: int = 0  # of the HTTP front, where it is free
    seconds: int = 60  # the client's time


PYTHON = "python/bin/python"
NODE_SDK = "node/node_modules/@modelcontextprotocol/sdk/package.json"
NODE_CLIENT = "node/node_modules/@modelcontextprotocol/client/package.json"
EVERYTHING = "node/node_modules/@modelcontextprotocol/server-everything/dist/index.js"
TIME_SERVER = "python/bin/mcp-server-time"

TESTS = {
    "three_calls": Test(["bash", "{work}/three_calls.sh"], needs=("curl",), key=True, port=4000),
    "mcp_call": Test([sys.executable, "-B", "{here}/clients/mcp_call.py"], needs=("openssl",)),
    "grpcurl": Test([sys.executable, "-B", "{here}/clients/grpcurl.py"], needs=("bin/grpcurl",)),
    "grpc_python": Test(["{tools}/" + PYTHON, "-B", "{here}/clients/grpc_python.py"],
                        servers=("demo", "exact"), needs=(PYTHON,), stubs=True),
    "google_mcp_0_1": Test(["{tools}/python_google_0_1/bin/python", "-B",
                            "{here}/clients/google_mcp.py"],
                           servers=("demo", "everything_stdio", "asks"),
                           needs=("python_google_0_1/bin/python", "node", EVERYTHING)),
    "google_mcp_0_2": Test(["{tools}/python_google_0_2/bin/python", "-B",
                            "{here}/clients/google_mcp.py"],
                           servers=("demo", "everything_stdio", "asks"),
                           needs=("python_google_0_2/bin/python", "node", EVERYTHING)),
    "google_server_0_1": Test(["{tools}/" + PYTHON, "-B", "{here}/clients/google_server.py"],
                              servers=("google_0_1",),
                              needs=(PYTHON, "python_google_0_1/bin/python"), stubs=True),
    "google_server_0_2": Test(["{tools}/" + PYTHON, "-B", "{here}/clients/google_server.py"],
                              servers=("google_0_2",),
                              needs=(PYTHON, "python_google_0_2/bin/python"), stubs=True),
    "sdk_typescript": Test(["node", "{work}/sdk_typescript.mjs"], needs=("node", NODE_SDK)),
    "tasks_ts_v1": Test(["node", "{work}/tasks_ts_v1.mjs", "everything_http", "everything_stdio"],
                        servers=("everything_http", "everything_stdio"),
                        needs=("node", NODE_SDK, EVERYTHING)),
    "sdk_python_auto": Test(["{tools}/" + PYTHON, "-B", "{here}/clients/sdk_python.py", "auto"],
                            needs=(PYTHON,)),
    "sdk_python_legacy": Test(["{tools}/" + PYTHON, "-B", "{here}/clients/sdk_python.py", "legacy"],
                              needs=(PYTHON,)),
    "connect_python_auto": Test(["{tools}/" + PYTHON, "-B", "{here}/clients/sdk_python.py", "auto",
                                 "connect"], needs=(PYTHON,), stubs=True),
    "connect_python_legacy": Test(["{tools}/" + PYTHON, "-B", "{here}/clients/sdk_python.py",
                                   "legacy", "connect"], needs=(PYTHON,), stubs=True),
    "sdk_python_v1": Test(["{tools}/python_mcp_v1/bin/python", "-B",
                           "{here}/clients/sdk_python_v1.py"],
                          needs=("python_mcp_v1/bin/python",)),
    "server_everything_http": Test(["{tools}/" + PYTHON, "-B", "{here}/clients/real_server.py",
                                    "everything_http"],
                                   servers=("everything_http",),
                                   needs=(PYTHON, "node", EVERYTHING), stubs=True),
    "server_everything_sse": Test(["{tools}/" + PYTHON, "-B", "{here}/clients/real_server.py",
                                   "everything_sse"],
                                  servers=("everything_sse",),
                                  needs=(PYTHON, "node", EVERYTHING), stubs=True),
    "server_python_sse": Test(["{tools}/" + PYTHON, "-B", "{here}/clients/real_server.py",
                               "python_sse"],
                              servers=("python_sse",), needs=(PYTHON,), stubs=True),
    "server_everything_stdio": Test(["{tools}/" + PYTHON, "-B", "{here}/clients/real_server.py",
                                     "everything_stdio"],
                                    servers=("everything_stdio",),
                                    needs=(PYTHON, "node", EVERYTHING), stubs=True),
    "server_time_stdio": Test(["{tools}/" + PYTHON, "-B", "{here}/clients/real_server.py",
                               "time_stdio"],
                              servers=("time_stdio",), needs=(PYTHON, TIME_SERVER), stubs=True),
}

# Each real client against each kind of server, all behind one bridge.
MATRIX_SERVERS = ("everything_http", "everything_sse", "everything_stdio")
MATRIX_CLIENTS = {
    "ts_v1": (NODE_SDK,),
    "ts_v2_default": (NODE_CLIENT,),
    "ts_v2_auto": (NODE_CLIENT,),
    "python_auto": (),
    "python_legacy": (),
    "fastmcp": ("python_fastmcp/bin/python",),
    "go": ("bin/echo_go",),
    "inspector": ("node/node_modules/@modelcontextprotocol/inspector/package.json",),
    "mcp_remote": ("node/node_modules/mcp-remote/package.json",),
}
TESTS |= {
    "matrix_" + client: Test(
        [sys.executable, "-B", "{here}/clients/matrix.py", client, *MATRIX_SERVERS],
        servers=MATRIX_SERVERS, needs=(PYTHON, "node", EVERYTHING, *needs), seconds=150)
    for client, needs in MATRIX_CLIENTS.items()
}

TESTS |= {
    "mcp_call_retries": Test([sys.executable, "-B", "{here}/clients/mcp_call_retries.py"],
                             servers=("demo", "late"), seconds=120),
    "traces": Test(["{tools}/python_traces/bin/python", "-B", "{here}/clients/traces.py", "{bridge}"],
                   needs=("python_traces/bin/python",)),
    "comments": Test([sys.executable, "-B", "{here}/clients/comments.py"], needs=("bin/grpcurl",)),
    "reflection": Test([sys.executable, "-B", "{here}/clients/reflection.py"],
                       servers=("demo", "everything_stdio"),
                       needs=("bin/grpcurl", "bin/ghz", "node", EVERYTHING), seconds=150),
}

# What setup.sh built of each of examples/, and how it is run.
EXAMPLES = {
    "python": ("venv/bin/python", ["venv/bin/python", "-B", "example.py", "ADDRESS"]),
    "go": ("example", ["./example", "ADDRESS"]),
    "node": ("node_modules/@grpc/grpc-js/package.json", ["node", "example.js", "ADDRESS"]),
    "java": ("target/classes/dev/mcpbridge/example/Example.class",
             ["mvn", "-B", "-q", "-o", "exec:java", "-Dexec.args=ADDRESS"]),
    "rust": ("target/debug/mcp-bridge-example", ["target/debug/mcp-bridge-example", "ADDRESS"]),
}
TESTS |= {
    "example_" + language: Test(
        [sys.executable, "-B", "{here}/clients/example.py",
         f"{{tools}}/example_{language}/examples/{language}", *command],
        needs=(f"example_{language}/examples/{language}/{built}",))
    for language, (built, command) in EXAMPLES.items()
}

# The example in Python, with the stubs of the wheel instead of its own.
TESTS["python_wheel"] = Test(
    [sys.executable, "-B", "{here}/clients/example.py", "{work}", "{tools}/python_wheel/bin/python",
     "-B", "example.py", "ADDRESS"], needs=("python_wheel/bin/python",))


def free_port(wanted=0):
    """`wanted` if it is free, otherwise any port that is."""
    for port in (wanted, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", port))
                return listener.getsockname()[1]
    raise Failure("no free port")


class Stack:
    """The MCP servers and the bridge of one test."""

    def __init__(self, args, test, work):
        self.args, self.test, self.work = args, test, work
        self.processes = []
        self.env = {"TOOLS": str(args.tools), "PROTO": str(args.proto), "MCP_CALL": args.mcp_call,
                    "WORK": str(work)}

    def start(self):
        port = free_port(self.test.port) if self.test.port else 0
        config = {
            "mcp_servers": {name: getattr(self, "server_" + name)() for name in self.test.servers},
            "bridge": {"http_listen": f"127.0.0.1:{port}", "grpc_listen": "127.0.0.1:0",
                       "admin_listen": "off"},
        }
        if self.test.key:
            config["general_settings"] = {"master_key": KEY}
        file = self.work / "bridge.yaml"
        file.write_text(json.dumps(config, indent=2))  # JSON is YAML
        bridge = self.run("bridge", [self.args.bridge, f"--config={file}"])
        ready = bridge.wait_for(r"(?m)^ready http=(\S+) grpc=(\S+)$")
        self.env["BRIDGE_HTTP"], self.env["BRIDGE_GRPC"] = f"http://{ready[1]}", ready[2]

    def run(self, name, command, env=None):
        process = Process(name, command, self.work / f"{name}.log", env)
        self.processes.append(process)
        return process

    def server_demo(self):
        demo = self.run("demo", [self.args.demo, "--port", "0"])
        url = demo.wait_for(r"listening on (http://\S+)/mcp")[1]
        self.env["DEMO_STATS"] = f"{url}/stats"
        return {"url": f"{url}/mcp", "transport": "http"}

    def server_google_0_1(self):
        return self.google("python_google_0_1")

    def server_google_0_2(self):
        return self.google("python_google_0_2")

    def google(self, venv):
        server = self.run(venv, [self.args.tools / venv / "bin" / "python", "-B",
                                 HERE / "servers" / "google_mcp.py"])
        port = server.wait_for(r"listening on port (\d+)")[1]
        return {"url": f"grpc://127.0.0.1:{port}", "transport": "grpc"}

    def server_exact(self):
        return self.ours_over_stdio("exact.py")

    def server_asks(self):
        return self.ours_over_stdio("asks.py")

    def ours_over_stdio(self, file):
        return {"transport": "stdio", "command": sys.executable,
                "args": ["-B", str(HERE / "servers" / file)]}

    def server_everything_http(self):
        port = free_port()
        self.run("everything_http", ["node", self.args.tools / EVERYTHING, "streamableHttp"],
                 {"PORT": str(port)}).wait_for(f"listening on port {port}")
        return {"url": f"http://127.0.0.1:{port}/mcp", "transport": "http"}

    def server_everything_sse(self):
        port = free_port()
        self.run("everything_sse", ["node", self.args.tools / EVERYTHING, "sse"],
                 {"PORT": str(port)}).wait_for(f"running on port {port}")
        return {"url": f"http://127.0.0.1:{port}/sse", "transport": "sse"}

    def server_python_sse(self):
        port = free_port()
        self.run("python_sse", [self.args.tools / PYTHON, "-B", HERE / "servers" / "sse_python.py",
                                port]).wait_for(f"running on http://127.0.0.1:{port}")
        return {"url": f"http://127.0.0.1:{port}/sse", "transport": "sse"}

    def server_late(self):
        """A server that the client starts, some time."""
        port = free_port()
        self.env |= {"DEMO": self.args.demo, "LATE_PORT": str(port)}
        return {"url": f"http://127.0.0.1:{port}/mcp", "transport": "http"}

    def server_everything_stdio(self):
        return {"transport": "stdio", "command": shutil.which("node"),
                "args": [str(self.args.tools / EVERYTHING), "stdio"]}

    def server_time_stdio(self):
        return {"transport": "stdio", "command": str(self.args.tools / TIME_SERVER),
                "args": ["--local-timezone=UTC"]}

    def stop(self):
        """Stops all, the bridge first. What went wrong with that, in sentences."""
        problems = []
        for process in reversed(self.processes):
            if process.name == "bridge":
                problems += end_of_bridge(process)
            else:
                process.stop()
        return problems

    def logs(self):
        return "".join(f"---- {process.name}\n{process.output()[-8000:]}\n"
                       for process in self.processes)


def missing_of(test, tools):
    for need in test.needs:
        if not ((tools / need).exists() or ("/" not in need and shutil.which(need))):
            yield need


def make_stubs(stack):
    """Generates Python code for proto/ as any user of it would."""
    stubs = stack.work / "stubs"
    stubs.mkdir()
    protos = [str(path.relative_to(stack.args.proto)) for path in stack.args.proto.rglob("*.proto")]
    subprocess.run([str(stack.args.tools / PYTHON), "-m", "grpc_tools.protoc",
                    f"-I{stack.args.proto}", f"--python_out={stubs}", f"--grpc_python_out={stubs}",
                    *protos], check=True, timeout=START_SECONDS)
    stack.env["PYTHONPATH"] = str(stubs)


def prepare_wheel(stack):
    """The example without stubs beside it; and what is in the wheel."""
    shutil.copy(HERE.parents[1] / "examples" / "python" / "example.py", stack.work)
    (wheel,) = (stack.args.tools / "wheel").glob("mcp_bridge_stubs-*.whl")
    with zipfile.ZipFile(wheel) as content:
        others = [name for name in content.namelist()
                  if not name.startswith(("mcpbridge/", "mcp_bridge_stubs-"))]
    if others:
        raise Failure(f"the wheel has what others have: {others}")


def prepare_three_calls(stack):
    """The script as it is, but for the port where 4000 is taken."""
    port = stack.env["BRIDGE_HTTP"].rpartition(":")[2]
    script = (HERE / "three_calls.sh").read_text().replace("localhost:4000", f"localhost:{port}")
    (stack.work / "three_calls.sh").write_text(script)


def check_three_calls(output):
    times = re.findall(r"(?m)^Call [123]: HTTP 200 in ([0-9.]+)s$", output)
    if len(times) != 3:
        raise Failure("not three answers with HTTP 200")
    if any(float(seconds) >= 0.3 for seconds in times):
        raise Failure("an answer took 0.3 s or longer")


def prepare_node(stack):
    """Node looks for packages from the script's own folder up."""
    (stack.work / "node_modules").symlink_to(stack.args.tools / "node" / "node_modules")
    for script in (HERE / "clients").glob("*.mjs"):
        shutil.copy(script, stack.work)


PREPARE = {"three_calls": prepare_three_calls, "sdk_typescript": prepare_node,
           "tasks_ts_v1": prepare_node,
           **{name: prepare_node for name in TESTS if name.startswith("matrix_")}}
PREPARE["python_wheel"] = prepare_wheel
CHECK = {"three_calls": check_three_calls}


def run_client(name, stack):
    test = stack.test
    if test.stubs:
        make_stubs(stack)
    PREPARE.get(name, lambda _: None)(stack)
    places = {"tools": stack.args.tools, "here": HERE, "work": stack.work,
              "bridge": stack.args.bridge}
    command = [word.format(**places) for word in test.client]
    client = Process("client", command, stack.work / "client.log", stack.env)
    try:
        code = client.popen.wait(test.seconds)
    except subprocess.TimeoutExpired:
        code = f"nothing within {test.seconds} s"
    client.kill()
    output = client.output()
    print(output, end="", flush=True)
    if code != 0:
        raise Failure(f"the client ended with {code}")
    CHECK.get(name, lambda _: None)(output)


def run(name, args, work):
    stack = Stack(args, TESTS[name], work)
    problems = []
    try:
        stack.start()
        run_client(name, stack)
    except (Failure, subprocess.SubprocessError, OSError) as failure:
        problems.append(str(failure))
    finally:
        problems += stack.stop()
    if problems:
        print(stack.logs())
        print(f"FAILED {name}: " + "; ".join(problems))
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", choices=sorted(TESTS))
    parser.add_argument("--bridge", required=True)
    parser.add_argument("--demo", required=True)
    parser.add_argument("--mcp_call", required=True)
    parser.add_argument("--proto", required=True, type=pathlib.Path)
    parser.add_argument("--tools", required=True, type=pathlib.Path)
    args = parser.parse_args()
    args.proto, args.tools = args.proto.resolve(), args.tools.resolve()
    missing = list(missing_of(TESTS[args.name], args.tools))
    if missing:
        print(f"{args.name}: not installed: " + ", ".join(missing))
        sys.exit(1 if os.environ.get("CI") == "true" else SKIPPED)
    with tempfile.TemporaryDirectory(prefix="polyglot-") as work:
        sys.exit(run(args.name, args, pathlib.Path(work)))


if __name__ == "__main__":
    main()
