"""Where a run happens: its programs, its folder, its processes, and what /proc says of them."""

import contextlib
import http.client
import json
import os
import pathlib
import random
import resource
import socket
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/harness"))
import process  # noqa: E402

HERTZ = os.sysconf("SC_CLK_TCK")


class Unavailable(Exception):
    """Why a system can't be measured here, in a sentence."""


class Lab:
    """One run. Ends every process that was started in it."""

    def __init__(self, binaries, folder, grpc_client="grpc", apart=False):
        self.grpc_client = grpc_client  # what calls over gRPC: a mode of bench-load
        self.apart = apart  # each process is a session: see --apart
        self.binaries, self.folder = pathlib.Path(binaries).resolve(), pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.processes = []
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # those that are started inherit it

    def program(self, name):
        path = self.binaries / name
        if not path.is_file():
            raise Unavailable(f"{path} is not built")
        return path

    def start(self, name, command, env=None):
        log = self.folder / f"{name}-{len(self.processes)}.log"
        started = process.Process(name, command, log, env, session=self.apart)
        self.processes.append(started)
        return started

    def await_port(self, started, port, seconds=120):
        end = time.monotonic() + seconds
        while not listens(port):
            if started.popen.poll() is not None or time.monotonic() > end:
                raise Unavailable(f"{started.name} did not start: {tail(started)}")
            time.sleep(0.05)

    def stop(self, started):
        started.stop()
        self.processes.remove(started)

    def close(self):
        for started in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                started.popen.terminate()
        for started in self.processes:
            started.stop()
        self.processes = []


def tail(started):
    lines = started.output().strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False


def free_port():
    """Below the ports that the system hands out, so nobody gets it between here and its use."""
    while True:
        port = random.randrange(20000, 30000)
        if not listens(port):
            return port


def tree(root):
    """The process and all below it."""
    return [root.popen.pid, *root.descendants()]


def command_of(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def memory_kib(pids, field="VmRSS"):
    """The sum over the processes; VmHWM is the highest that VmRSS has been."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(field + ":"):
                    total += int(line.split()[1])
    return total


def cpu_seconds(pids):
    """User and system time of all threads."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = process.stat_fields(pid)
            total += int(fields[11]) + int(fields[12])
    return total / HERTZ


def busy_seconds():
    """What all CPUs have done since the machine started: user, nice, system, irq, softirq."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(fields[index]) for index in (0, 1, 2, 5, 6)) / HERTZ


class PeakMemory:
    """The highest sum of resident memory while it is entered, looked at every 20 ms."""

    def __init__(self, pids):
        self.pids, self.kib = pids, 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()

    def _watch(self):
        while True:
            self.kib = max(self.kib, memory_kib(self.pids))
            if self._end.wait(0.02):
                return


def post(address, path, message, headers=(), seconds=30):
    """A JSON-RPC message to an MCP server: (status, headers, the answer or None)."""
    connection = http.client.HTTPConnection(address, timeout=seconds)
    try:
        connection.request("POST", path, json.dumps(message), {
            "Content-Type": "application/json", "Accept": "application/json, text/event-stream",
            **dict(headers)})
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    events = [line[5:] for line in text.splitlines() if line.startswith("data:")]
    with contextlib.suppress(ValueError):
        return response.status, response.headers, json.loads(events[-1] if events else text)
    return response.status, response.headers, None


def get(address, path, seconds=10):
    connection = http.client.HTTPConnection(address, timeout=seconds)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-11-25", "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"}}}


def call(name, arguments):
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": name, "arguments": arguments}}
