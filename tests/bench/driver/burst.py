"""Scenarios with very many calls, or sessions, at once: does it hold, and what does each cost."""

import contextlib
import json
import socket
import sys
import time

import lab as labs
import load as loads
import systems as all_systems
from load import Load


def settled_kib(pids):
    """Resident memory once it has stopped growing; 3 s at most."""
    last = labs.memory_kib(pids)
    for _ in range(10):
        time.sleep(0.3)
        now = labs.memory_kib(pids)
        if now <= last:
            return now
        last = now
    return last


def stop_all(lab):
    for started in list(reversed(lab.processes)):
        lab.stop(started)


def burst(lab, results, name, options, endpoint_of, calls, channels=1):
    """`calls` of sleep{1000} at the same time."""
    calls = max(1, round(calls * options.scale))
    print(f"\n{name}: ", end="", file=sys.stderr, flush=True)
    try:
        endpoint = endpoint_of(calls)
        idle = settled_kib(endpoint.gateway)
        load = Load(connections=calls, work="sleep", once=True, channels=channels)
        result = loads.run(lab, endpoint, load, seconds=60, warmup=0)
        results.figures[name] = {
            "calls": calls, "answered": result["calls"], "seconds": result["seconds"],
            "errors": loads.errors_of(result), "idle_kib": idle, "peak_kib": result["peak_kib"],
            "after_kib": settled_kib(endpoint.gateway),
            "kib_per_call": (result["peak_kib"] - idle) / calls,
            "max_ms": result["max_us"] / 1000, "upstream_per_call": result["upstream_per_call"],
            "upstream_max_in_flight": result["upstream_max_in_flight"],
            **{key: result[key] for key in ("gateway_cores", "load_cores", "other_cores",
                                            "foreign_cores", "gateway_cpu_us_per_call")},
            "example_error": result["example_error"]}
    except (labs.Unavailable, labs.process.Failure) as why:
        results.skip(name, why)
        print(f"SKIPPED {name}: {why}", file=sys.stderr)
    finally:
        stop_all(lab)


# A gRPC client of the usual kind would take longer to make so many calls than they may take.
GRPC_CONNECTIONS = 8

# Above what is asked of it; the file limit of 20,000 is the machine's.
WIDE = {"in_flight_calls": 100_000, "http_connections": 20_000, "upstream_connections": 20_000,
        "sessions": 20_000}


def over_http(lab, mode):
    def start(_):
        upstream = all_systems.start_upstream(lab)
        bridge = all_systems.start_bridge(lab, {"demo": all_systems.http_server(upstream)},
                                          limits=WIDE)
        await_tools(bridge)
        return all_systems.of_upstream(mode, upstream, [bridge.pid],
                                       target=bridge.http if mode == "http" else bridge.grpc)
    return start


def await_tools(bridge):
    """Its list of tools is known: one call finds its way."""
    all_systems.eventually(lambda: labs.post(bridge.http, "/mcp", labs.call("echo", {"text": "x"}))[2]
                           ["result"]["content"])


def sleep_http(lab, results, options):
    """8,000 calls of sleep{1000} in flight, HTTP in, HTTP out."""
    burst(lab, results, "sleep-http", options, over_http(lab, "http"), 8_000)


def sleep_grpc(lab, results, options):
    """10,000, gRPC in, HTTP out."""
    burst(lab, results, "sleep-grpc", options, over_http(lab, "h2"), 10_000, GRPC_CONNECTIONS)


def sleep_stdio(lab, results, options):
    """50,000, gRPC in, one child process out."""
    def start(_):
        bridge = all_systems.start_bridge(lab, {"demo": all_systems.stdio_server(lab)}, limits=WIDE)
        await_tools(bridge)
        return all_systems.Endpoint("h2", bridge.grpc, gateway=[bridge.pid],
                                    others=list(bridge.process.descendants()),
                                    stats=all_systems.stats_over(bridge), own_calls=1)
    burst(lab, results, "sleep-stdio", options, start, 50_000, GRPC_CONNECTIONS)


def idle_sessions(lab, results, options):
    """8,000 sessions of MCP 2025-11-25, each with its GET stream open and nothing going on."""
    count = max(1, round(8_000 * options.scale))
    print("\nidle-sessions: ", end="", file=sys.stderr, flush=True)
    upstream = all_systems.start_upstream(lab, sessions=True)
    bridge = all_systems.start_bridge(lab, {"demo": all_systems.http_server(upstream)}, limits=WIDE)
    streams = []
    try:
        await_tools(bridge)
        idle = settled_kib([bridge.pid])
        streams = open_sessions(bridge.http, count)
        now = settled_kib([bridge.pid])
        results.figures["idle-sessions"] = {
            "sessions": count, "opened": len(streams), "idle_kib": idle, "now_kib": now,
            "kib_per_session": (now - idle) / max(len(streams), 1)}
    except (labs.Unavailable, labs.process.Failure, OSError) as why:
        results.skip("idle-sessions", why)
        print(f"SKIPPED idle-sessions: {why}", file=sys.stderr)
    finally:
        for stream in streams:
            stream.close()
        stop_all(lab)


class KeptAlive:
    """A connection for one request after another, each answered with a length or in chunks."""

    def __init__(self, address):
        host, port = address.split(":")
        self.address, self.socket = address, socket.create_connection((host, int(port)), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def head(self):
        while b"\r\n\r\n" not in self.rest:
            piece = self.socket.recv(65536)
            if not piece:
                raise labs.Unavailable("a connection was closed")
            self.rest += piece
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        return int(lines[0].split(" ")[1]), fields, lines

    def post(self, body, session=""):
        self.socket.sendall(self.request("POST", session, body))
        status, fields, lines = self.head()
        length = int(fields.get("content-length", 0))
        while len(self.rest) < length:
            self.rest += self.socket.recv(65536)
        self.rest = self.rest[length:]
        if status >= 300:
            raise labs.Unavailable(f"a session was refused: {lines[0]}")
        return next((line.split(": ", 1)[1] for line in lines
                     if line.lower().startswith("mcp-session-id:")), "")

    def request(self, method, session, body=b""):
        accepts = "text/event-stream" if method == "GET" else "application/json, text/event-stream"
        head = f"{method} /mcp HTTP/1.1\r\nHost: {self.address}\r\nAccept: {accepts}\r\n"
        if session:
            head += f"Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: 2025-11-25\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


INITIALIZE = json.dumps(labs.INITIALIZE).encode()
INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'


def open_sessions(address, count):
    """The sockets of their streams, which have begun."""
    asking, streams = KeptAlive(address), []
    try:
        for _ in range(count):
            session = asking.post(INITIALIZE)
            asking.post(INITIALIZED, session)
            stream = KeptAlive(address)
            stream.socket.sendall(stream.request("GET", session))
            streams.append(stream.socket)
            status, _, lines = stream.head()
            if status != 200:
                raise labs.Unavailable(f"a stream was refused: {lines[0]}")
    except BaseException:
        for stream in streams:
            with contextlib.suppress(OSError):
                stream.close()
        raise
    finally:
        asking.socket.close()
    return streams
