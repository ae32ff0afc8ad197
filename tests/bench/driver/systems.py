"""What is measured: each function starts one system in front of an upstream and says how to call it."""

import contextlib
import dataclasses
import json
import os
import shutil
import time

import lab as labs

PEERS = labs.ROOT / "tests/bench/peers"


@dataclasses.dataclass
class Upstream:
    """A running mcp-demo-server."""
    process: object
    address: str  # HOST:PORT

    def stats(self):
        return json.loads(labs.get(self.address, "/stats")[1])


@dataclasses.dataclass
class Endpoint:
    """A running system, ready to be called."""
    mode: str  # http, grpc, h2, pipe or micro
    target: str = ""
    path: str = "/mcp"
    prefix: str = ""  # before a tool's own name
    headers: tuple = ()
    protocol_version: str = "2025-11-25"
    gateway: list = dataclasses.field(default_factory=list)  # pids whose CPU time and memory count
    others: list = dataclasses.field(default_factory=list)
    stats: object = None  # asks for the upstream's counters; None: there is no upstream
    own_calls: int = 0  # how many calls asking for them makes
    flags: tuple = ()  # pipe
    idle_kib: int = 0


def start_upstream(lab, answer="json", sessions=False, more_tools=0):
    started = lab.start("upstream", [
        lab.program("mcp-demo-server"), "--port=0", f"--answer={answer}",
        "--sessions" if sessions else "--nosessions", f"--more_tools={more_tools}"])
    address = started.wait_for(r"listening on http://([\d.:]+)/mcp").group(1)
    return Upstream(started, address)


def of_upstream(mode, upstream, gateway, **more):
    """A system whose only upstream is this one."""
    return Endpoint(mode, gateway=gateway, others=[upstream.process.popen.pid],
                    stats=upstream.stats, **more)


def direct(lab, upstream):
    return of_upstream("http", upstream, [], target=upstream.address)


def nginx(lab, upstream):
    path = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if not path:
        raise labs.Unavailable("nginx is not installed (Debian: nginx-light)")
    port = labs.free_port()
    folder = lab.folder / f"nginx-{port}"
    folder.mkdir()
    config = (PEERS / "nginx.conf").read_text()
    config = config.replace("@UPSTREAM@", upstream.address).replace("@PORT@", str(port))
    (folder / "nginx.conf").write_text(config.replace("@FOLDER@", str(folder)))
    started = lab.start("nginx", [path, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"])
    lab.await_port(started, port, 10)
    return of_upstream("http", upstream, labs.tree(started), target=f"127.0.0.1:{port}")


def grpc_echo(lab, upstream):
    started = lab.start("grpc-echo", [lab.program("bench-grpc-echo")])
    target = started.wait_for(r"listening on ([\d.:]+)").group(1)
    return Endpoint("grpc", target, gateway=labs.tree(started))


def pipe(lab, upstream):
    lab.program("bench-pipe")
    return Endpoint("pipe")


def pipe_batched(lab, upstream):
    lab.program("bench-pipe")
    return Endpoint("pipe", flags=("--batch",))


def direct_stdio(lab, upstream):
    lab.program("bench-pipe")
    return Endpoint("pipe", flags=("--batch", f"--server={lab.program('mcp-demo-server')}"))


def stdio_alone(lab, upstream):
    lab.program("bench-micro")
    return Endpoint("micro", target="StdioCalls")


@dataclasses.dataclass
class Bridge:
    """A running mcp-bridge."""
    process: object
    http: str
    grpc: str

    @property
    def pid(self):
        return self.process.popen.pid


def http_server(upstream):
    return {"url": f"http://{upstream.address}/mcp", "transport": "http"}


def stdio_server(lab):
    # legacy: otherwise the modern era is tried at a second process, which isn't called.
    return {"command": str(lab.program("mcp-demo-server")), "protocol": "legacy"}


def write_config(file, servers, **settings):
    """`servers`: mcp_servers by name; `settings`: of the section bridge. JSON is YAML."""
    file.write_text(json.dumps({
        "mcp_servers": servers,
        "bridge": {"http_listen": "127.0.0.1:0", "grpc_listen": "127.0.0.1:0", "admin_listen": "off", **settings}}))


def start_bridge(lab, servers, **settings):
    """See write_config()."""
    config = lab.folder / f"bridge-{len(lab.processes)}.yaml"
    write_config(config, servers, **settings)
    started = lab.start("bridge", [lab.program("mcp-bridge"), f"--config={config}"])
    ready = started.wait_for(r"ready http=([\d.:]+) grpc=([\d.:]+)")
    return Bridge(started, ready.group(1), ready.group(2))


def stats_over(bridge):
    """The counters of a stdio upstream, which can only be asked through the bridge."""
    def ask():
        _, _, answer = labs.post(bridge.http, "/mcp", labs.call("stats", {}))
        return json.loads(answer["result"]["content"][0]["text"])
    return ask


def bridge_http_http(lab, upstream):
    bridge = start_bridge(lab, {"demo": http_server(upstream)})
    return of_upstream("http", upstream, [bridge.pid], target=bridge.http)


def bridge_grpc_http(lab, upstream):
    bridge = start_bridge(lab, {"demo": http_server(upstream)})
    return of_upstream("grpc", upstream, [bridge.pid], target=bridge.grpc)


def over_stdio(lab, mode):
    bridge = start_bridge(lab, {"demo": stdio_server(lab)})
    stats = stats_over(bridge)
    eventually(stats)  # the process is up
    return Endpoint(mode, bridge.http if mode == "http" else bridge.grpc, gateway=[bridge.pid],
                    others=list(bridge.process.descendants()), stats=stats, own_calls=1)


def bridge_http_stdio(lab, upstream):
    return over_stdio(lab, "http")


def bridge_grpc_stdio(lab, upstream):
    return over_stdio(lab, "grpc")


def bridge_grpc_grpc(lab, upstream):
    """The server over gRPC is a second bridge, which is no part of what is measured."""
    behind = start_bridge(lab, {"demo": http_server(upstream)})
    bridge = start_bridge(lab, {"demo": {"transport": "grpc", "url": f"grpc://{behind.grpc}"}})
    endpoint = of_upstream("grpc", upstream, [bridge.pid], target=bridge.grpc)
    endpoint.others.append(behind.pid)
    return endpoint


def eventually(ask, seconds=30):
    """What `ask` returns, as soon as it returns something and raises nothing."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, KeyError, TypeError, ValueError):
            if answer := ask():
                return answer
        if time.monotonic() > end:
            raise labs.Unavailable("no right answer within its time")
        time.sleep(0.05)


def check(endpoint, sessions=False):
    """Asks once: the system works. Over gRPC and pipes the first measurement shows it."""
    message = labs.INITIALIZE if sessions else labs.call(endpoint.prefix + "echo", {"text": "ready"})
    headers = [header.split(": ", 1) for header in endpoint.headers]

    def ask():
        _, _, answer = labs.post(endpoint.target, endpoint.path, message, headers)
        return sessions or answer["result"]["content"][0]["text"] == "ready"
    if endpoint.mode == "http":
        eventually(ask, 60)


@dataclasses.dataclass(frozen=True)
class System:
    name: str
    what: str
    start: object
    slow: bool = False  # takes a second or more for the calls of 64 callers


MAIN = [
    System("direct", "the load generator and the upstream alone: the ceiling", direct),
    System("nginx", "nginx as reverse proxy with keep-alive: the least an HTTP hop costs", nginx),
    System("grpc-echo", "a bare asynchronous gRPC server that answers from its completion queue "
                        "and calls nobody: the least a gRPC server costs", grpc_echo),
    System("pipe", "lines to a child and back, each a write of its own: the least a server over "
                   "stdio costs, with no JSON", pipe),
    System("pipe-batched", "the same, with all lines that are ready in one write", pipe_batched),
    System("direct-stdio", "the upstream over stdio with nothing in between", direct_stdio),
    System("stdio-alone", "the bridge's own side of a stdio server in one process, no front before "
                          "it", stdio_alone),
    System("http-http", "mcp-bridge, HTTP in, HTTP out", bridge_http_http),
    System("grpc-http", "mcp-bridge, gRPC in, HTTP out", bridge_grpc_http),
    System("http-stdio", "mcp-bridge, HTTP in, one child process out", bridge_http_stdio),
    System("grpc-stdio", "mcp-bridge, gRPC in, one child process out", bridge_grpc_stdio),
    System("grpc-grpc", "mcp-bridge, gRPC in, gRPC out, to a second bridge", bridge_grpc_grpc),
]
