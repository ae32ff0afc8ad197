"""One measurement: bench-load or bench-pipe against a running system."""

import contextlib
import dataclasses
import json
import os
import subprocess
import time

import lab as labs


@dataclasses.dataclass(frozen=True)
class Load:
    """What callers do. See bench-load --help."""
    connections: int = 64
    work: str = "echo"
    size: int = 100
    sessions: bool = False
    rate: float = 0
    once: bool = False
    sleep_ms: int = 1000
    channels: int = 1
    tools: tuple = ()  # names on the wire; empty: that of `work`, with the system's prefix


def run(lab, endpoint, load, seconds, warmup):
    """Everything that was measured: a flat dict."""
    if endpoint.mode == "micro":
        return run_micro(lab, endpoint, load, seconds)
    if endpoint.mode == "pipe":
        command = pipe_command(lab, endpoint, load)
    else:
        command = load_command(lab, endpoint, load)
    command += [f"--seconds={seconds}", f"--warmup={warmup}"]
    before = stats_of(endpoint)
    with labs.PeakMemory(endpoint.gateway) as peak:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              timeout=seconds + warmup + 300)
    if done.returncode != 0:
        raise labs.Unavailable(f"can't be called: {done.stderr.strip()[-300:]}")
    result = json.loads(done.stdout)
    after = stats_of(endpoint)
    result["upstream_max_in_flight"] = after and after["max_in_flight"]
    result["peak_kib"] = peak.kib
    result["upstream_requests"] = requests_between(before, after, endpoint.own_calls)
    result["upstream_per_call"] = (
        sum(result["upstream_requests"].values()) / max(result["begun"], 1) if before else None)
    return result


def run_micro(lab, endpoint, load, seconds):
    """One of bench-micro's benchmarks, which counts calls: only their number is known."""
    begin, busy, own = time.monotonic(), labs.busy_seconds(), sum(os.times()[2:4])
    done = subprocess.run(
        [lab.program("bench-micro"), "--benchmark_format=json", f"--benchmark_min_time={seconds}",
         f"--benchmark_filter=^{endpoint.target}/{load.connections}/"],
        capture_output=True, text=True, timeout=seconds + 300)
    try:
        figures = json.loads(done.stdout)["benchmarks"][0]
    except (ValueError, IndexError) as error:
        raise labs.Unavailable(f"bench-micro said nothing: {done.stderr.strip()[-200:]}") from error
    took = time.monotonic() - begin
    foreign = (labs.busy_seconds() - busy) - (sum(os.times()[2:4]) - own)
    return {"mode": "micro", "connections": load.connections, "seconds": took,
            "calls_per_s": figures["items_per_second"], "errors": int("error_message" in figures),
            "unanswered": 0, "never_begun": 0, "gateway_cpu_us_per_call": 0,
            "foreign_cores": foreign / took}


def pipe_command(lab, endpoint, load):
    return [lab.program("bench-pipe"), f"--connections={load.connections}", f"--size={load.size}",
            *endpoint.flags]


def load_command(lab, endpoint, load):
    def joined(words):
        return ",".join(str(word) for word in words)
    tools = load.tools or (endpoint.prefix + load.work,)
    mode = lab.grpc_client if endpoint.mode == "grpc" and not load.rate else endpoint.mode
    return [lab.program("bench-load"), f"--mode={mode}", f"--target={endpoint.target}",
            f"--path={endpoint.path}", f"--headers={joined(endpoint.headers)}",
            f"--protocol_version={endpoint.protocol_version}", f"--work={load.work}",
            f"--tools={joined(tools)}", f"--size={load.size}", f"--connections={load.connections}",
            f"--channels={load.channels}", f"--rate={load.rate}", f"--sleep_ms={load.sleep_ms}",
            f"--sessions={'true' if load.sessions else 'false'}",
            f"--once={'true' if load.once else 'false'}",
            f"--gateway_pids={joined(endpoint.gateway)}",
            f"--other_pids={joined(endpoint.others)}"]


def stats_of(endpoint):
    if endpoint.stats is None:
        return None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return endpoint.stats()
    return None


def requests_between(before, after, own):
    """What the upstream saw, by method, without the question for that itself."""
    if not before or not after:
        return {}
    before, after = before["requests"], after["requests"]
    between = {method: after[method] - before[method] for method in after}
    between["tools/call"] -= own
    return {method: count for method, count in between.items() if count > 0}


def errors_of(result):
    return result["errors"] + result["unanswered"]


def is_quiet(result):
    """Whether other processes took less than a fifth of a core meanwhile."""
    return result["foreign_cores"] <= 0.2
