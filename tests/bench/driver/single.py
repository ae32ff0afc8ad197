"""Scenarios with a figure of their own: cancelling, many tools, starting."""

import json
import pathlib
import statistics
import subprocess
import sys
import time

import flame
import lab as labs
import load as loads
import systems as all_systems
from burst import await_tools, settled_kib, stop_all
from load import Load

PROFILED = ("http-http", "grpc-http", "http-stdio", "grpc-stdio", "grpc-grpc")


def cancel(lab, results, options):
    """From the caller's cancelling to the upstream's noticing, 64 callers."""
    print("\ncancel: ", end="", file=sys.stderr, flush=True)
    upstream = all_systems.start_upstream(lab)
    bridge = all_systems.start_bridge(lab, {"demo": all_systems.http_server(upstream)})
    await_tools(bridge)
    for name, mode, target in (("direct", "http", upstream.address), ("http-http", "http", bridge.http),
                               ("grpc-http", "grpc", bridge.grpc)):
        done = subprocess.run([lab.program("bench-cancel"), f"--mode={mode}", f"--target={target}",
                               f"--upstream={upstream.address}", f"--seconds={options.seconds}"],
                              capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            results.skip(f"cancel {name}", done.stderr.strip()[-300:])
            continue
        results.figures[f"cancel {name}"] = json.loads(done.stdout)
        print(".", end="", file=sys.stderr, flush=True)
    stop_all(lab)


def cost_growth(lab, results, options):
    """CPU time of a call with 10 tools of 1 server, and with 10,000 of 100."""
    print("\ncost-growth: ", end="", file=sys.stderr, flush=True)
    few = all_systems.start_upstream(lab)
    many = all_systems.start_upstream(lab, more_tools=90)  # beside its own 10
    names = [f"s{index:02}" for index in range(100)]
    small = all_systems.start_bridge(lab, {names[0]: all_systems.http_server(few)})
    large = all_systems.start_bridge(lab, {name: all_systems.http_server(many) for name in names})
    every = [f"{name}-tool_{tool}" for tool in range(10, 90, 8) for name in names]
    try:
        all_systems.eventually(lambda: all_listed(large, 10_000), 60)
        cases = {"few": (small, few, (f"{names[0]}-echo",)),
                 "many, one called": (large, many, (f"{names[42]}-tool_42",)),
                 "many, all servers called": (large, many, tuple(every))}
        for _ in range(options.rounds):
            for name, (bridge, upstream, tools) in cases.items():
                endpoint = all_systems.of_upstream("http", upstream, [bridge.pid], target=bridge.http)
                load = Load(tools=tools)
                result = loads.run(lab, endpoint, load, options.seconds, options.warmup)
                results.add("cost-growth", name, load, result)
                print(".", end="", file=sys.stderr, flush=True)
    except labs.Unavailable as why:
        results.skip("cost-growth", why)
        print(f"SKIPPED cost-growth: {why}", file=sys.stderr)
    finally:
        stop_all(lab)


def profile(lab, results, options):
    """Where the bridge's CPU time goes at 64 callers: a flame graph each, and functions by samples."""
    options.out.mkdir(parents=True, exist_ok=True)
    for system in all_systems.MAIN:
        if system.name not in PROFILED or (options.systems and system.name not in options.systems):
            continue
        print(f"\nprofile {system.name}: ", end="", file=sys.stderr, flush=True)
        endpoint = system.start(lab, all_systems.start_upstream(lab))
        all_systems.check(endpoint)
        loads.run(lab, endpoint, Load(), 0.5, options.warmup)
        stacks_of = flame.record(lab, endpoint.gateway, options.seconds, system.name)
        loads.run(lab, endpoint, Load(), options.seconds, 0.3)
        stacks = stacks_of()
        (options.out / f"flame-{system.name}.svg").write_text(
            flame.svg(f"mcp-bridge, {system.name}, 64 callers", stacks))
        (options.out / f"profile-{system.name}.txt").write_text("".join(
            f"{100 * share:5.1f} %  {name}\n" for share, name in flame.self_times(stacks, 60)))
        results.figures[f"profile {system.name}"] = {"samples": sum(stacks.values())}
        stop_all(lab)


def all_listed(bridge, count):
    """Whether tools/list has at least so many, over all its pages."""
    found, cursor = 0, None
    while True:
        params = {"cursor": cursor} if cursor else {}
        _, _, answer = labs.post(bridge.http, "/mcp", {"jsonrpc": "2.0", "id": 1,
                                                       "method": "tools/list", "params": params})
        found += len(answer["result"]["tools"])
        cursor = answer["result"].get("nextCursor")
        if not cursor:
            return found >= count


def milliseconds_to_serving(lab, upstream):
    """From before the process is made to when it says that it is ready, and is."""
    config = lab.folder / "start.yaml"
    all_systems.write_config(config, {"demo": all_systems.http_server(upstream)})
    begin = time.monotonic()
    with subprocess.Popen([lab.program("mcp-bridge"), f"--config={config}"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as bridge:
        try:
            line = bridge.stdout.readline()
            took = (time.monotonic() - begin) * 1000
            address = line.partition("http=")[2].split(" ")[0]
            if not address or labs.get(address, "/readyz")[0] != 200:
                raise labs.Unavailable(f"the bridge isn't SERVING: {line.strip()}")
        finally:
            bridge.terminate()
    return took


def start(lab, results, options):
    """From its start to its being ready, its memory then, and the size of its program."""
    print("\nstart: ", end="", file=sys.stderr, flush=True)
    upstream = all_systems.start_upstream(lab)
    milliseconds, idle = [], []
    for _ in range(max(5, options.rounds * 2)):
        bridge = all_systems.start_bridge(lab, {"demo": all_systems.http_server(upstream)})
        await_tools(bridge)
        idle.append(settled_kib([bridge.pid]))
        lab.stop(bridge.process)
        milliseconds.append(milliseconds_to_serving(lab, upstream))
    program = lab.program("mcp-bridge")
    stripped = lab.folder / "mcp-bridge-stripped"
    subprocess.run(["strip", "-o", stripped, program], check=True)
    results.figures["start"] = {
        "ready_ms": statistics.median(milliseconds), "idle_kib": statistics.median(idle),
        "stripped_bytes": pathlib.Path(stripped).stat().st_size}
    stop_all(lab)
