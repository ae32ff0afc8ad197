"""What is to be reached, as ratios of one run, and whether it was."""

import dataclasses


@dataclasses.dataclass
class Row:
    what: str
    target: str
    measured: str
    met: object  # None: not measured


def ratio(a, b):
    return None if a is None or not b else a / b


def at_most(what, value, limit, unit=""):
    return row(what, value, f"at most {limit:g}{unit}", unit, value is not None and value <= limit)


def at_least(what, value, limit, unit=""):
    return row(what, value, f"at least {limit:g}{unit}", unit, value is not None and value >= limit)


def row(what, value, target, unit, met):
    if value is None:
        return Row(what, target, "-", None)
    return Row(what, target, (f"{value:,.0f}" if value >= 100 else f"{value:.3g}") + unit, met)


def table(results):
    rows = throughput(results) + latency(results) + stdio(results) + peers(results)
    rows += large_results(results) + bursts(results) + growth(results) + start(results)
    return rows + cancel(results) + upstream_requests(results)


def echo(results, figure, system, connections=64):
    return results.median(figure, "throughput", system, connections)


def throughput(results):
    cpu = "gateway_cpu_us_per_call"
    echo_cpu, nginx_cpu = echo(results, cpu, "grpc-echo"), echo(results, cpu, "nginx")
    least = echo_cpu + nginx_cpu if echo_cpu and nginx_cpu else None
    return [
        at_least("HTTP->HTTP throughput, 64 callers, against nginx",
                 ratio(echo(results, "calls_per_s", "http-http"),
                       echo(results, "calls_per_s", "nginx")), 0.95),
        at_most("HTTP->HTTP CPU per call, against nginx",
                ratio(echo(results, cpu, "http-http"), nginx_cpu), 1.2),
        at_least("gRPC->HTTP throughput, 64 callers, against the bare gRPC echo",
                 ratio(echo(results, "calls_per_s", "grpc-http"),
                       echo(results, "calls_per_s", "grpc-echo")), 0.55),
        at_most("gRPC->HTTP CPU per call, against the bare gRPC echo plus nginx",
                ratio(echo(results, cpu, "grpc-http"), least), 1.0)]


def latency(results):
    direct = echo(results, "p50_us", "direct", 1)
    bridge, nginx = echo(results, "p50_us", "http-http", 1), echo(results, "p50_us", "nginx", 1)
    added = None
    if direct is not None and bridge is not None and nginx is not None:
        added = ratio(bridge - direct, nginx - direct)
    phase = "rate http-http"
    late = sum(run["never_begun"] for run in results.used(phase, "http-http", 64))
    rows = [
        at_most("p50 added at 1 caller, HTTP->HTTP, against what nginx adds", added, 1.0),
        at_most("p99 at a fixed rate of half the maximum, HTTP->HTTP, against direct",
                ratio(results.median("p99_us", phase, "http-http", 64),
                      results.median("p99_us", phase, "direct", 64)), 2.0)]
    if late:
        rows[1].met, rows[1].measured = False, f"{rows[1].measured}, {late:,} calls late"
    return rows


def stdio(results):
    return [at_least(f"calls per second over one child, 64 callers, {name}, against {reference}",
                     ratio(echo(results, "calls_per_s", system),
                           echo(results, "calls_per_s", reference)), 0.5)
            for system, name in (("stdio-alone", "no front"), ("http-stdio", "HTTP in"),
                                 ("grpc-stdio", "gRPC in"))
            for reference in ("pipe", "pipe-batched")]


def peers(results):
    cpu = "gateway_cpu_us_per_call"
    return [
        at_least("throughput against Envoy's MCP router, 64 callers",
                 ratio(echo(results, "calls_per_s", "http-http"),
                       echo(results, "calls_per_s", "envoy-mcp")), 2.5),
        at_most("CPU per call against Envoy's MCP router",
                ratio(echo(results, cpu, "http-http"), echo(results, cpu, "envoy-mcp")), 0.25),
        at_least("throughput against LiteLLM's gateway (one worker), 64 callers",
                 ratio(echo(results, "calls_per_s", "http-http"),
                       echo(results, "calls_per_s", "litellm")), 400)]


def large_results(results):
    def of(system):
        return results.median("calls_per_s", "sizes", system, 64, size=1 << 20)
    return [at_least("1 MB results: throughput against nginx", ratio(of("http-http"), of("nginx")),
                     0.8)]


BURSTS = (("sleep-http", 8_000, "over HTTP", 16), ("sleep-grpc", 10_000, "over gRPC", 16),
          ("sleep-stdio", 50_000, "over gRPC to one child", 4))


def bursts(results):
    rows = []
    for name, count, how, kib in BURSTS:
        figures = results.figures.get(name, {})
        whole = figures.get("calls") == count
        seconds = figures.get("seconds") if whole and not figures.get("errors") else None
        what = f"{count:,} calls of sleep{{1000}} in flight {how}"
        answered = at_most(f"{what}: all answered within", seconds, 2.5, " s")
        if whole and figures.get("errors"):
            answered = Row(answered.what, answered.target, f"{figures['errors']:,} failed", False)
        if figures.get("upstream_max_in_flight", count) < count and whole:
            answered.measured += f", {figures['upstream_max_in_flight']:,} at once"
        rows += [answered, at_most(f"{what}: RSS per call above idle",
                                   figures.get("kib_per_call") if whole else None, kib, " KiB")]
    figures = results.figures.get("idle-sessions", {})
    whole = figures.get("sessions") == 8_000
    rows.append(at_most("8,000 idle sessions with open GET streams: RSS of each",
                        figures.get("kib_per_session") if whole else None, 24, " KiB"))
    return rows


def growth(results):
    def of(name):
        return results.median("gateway_cpu_us_per_call", "cost-growth", name, 64)
    return [at_most(f"CPU per call with 10,000 tools of 100 servers ({which}), "
                    "against 10 tools of 1 server", ratio(of(f"many, {which}"), of("few")), 1.1)
            for which in ("one called", "all servers called")]


def start(results):
    figures = results.figures.get("start", {})
    idle, size = figures.get("idle_kib"), figures.get("stripped_bytes")
    return [at_most("cold start to SERVING", figures.get("ready_ms"), 50, " ms"),
            at_most("idle RSS", idle and idle * 1024 / 1e6, 20, " MB"),
            at_most("program, stripped, beside shared libraries", size and size / 1e6, 10, " MB")]


def cancel(results):
    rows = []
    for system in ("http-http", "grpc-http"):
        figures = results.figures.get(f"cancel {system}", {})
        p99 = figures.get("p99_us")
        found = at_most(f"cancelling, {system}: to the upstream's notice, p99, 64 callers",
                        p99 and p99 / 1000, 2, " ms")
        if figures.get("never_noticed") or figures.get("failures"):
            found.met = False
            found.measured += (f", {figures['never_noticed']} never noticed, "
                               f"{figures['failures']} ended otherwise")
        rows.append(found)
    return rows


def upstream_requests(results):
    """Of all runs of the bridge the one that is farthest off; lists that are asked for again every
    minute, and what begins a session, are why it isn't an exact 1."""
    rows = []
    for system in ("http-http", "grpc-http", "http-stdio", "grpc-stdio", "grpc-grpc"):
        values = [run["upstream_per_call"] for run in results.of("throughput", system)
                  if run["upstream_per_call"] is not None]
        worst = max(values, key=lambda value: abs(value - 1), default=None)
        rows.append(Row(f"upstream requests per call, {system}", "1",
                        "-" if worst is None else f"{worst:.4f}",
                        None if worst is None else abs(worst - 1) < 0.001))
    return rows
