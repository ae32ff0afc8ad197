"""What is measured, by name: each scenario adds runs or figures to the results."""

import peers
import systems as all_systems
from burst import idle_sessions, sleep_grpc, sleep_http, sleep_stdio
from load import Load
from rounds import run_phase
from single import cancel, cost_growth, profile, start


def chosen(names, options):
    """The systems of these names; empty: all that the options ask for."""
    every = all_systems.MAIN + (peers.ALL if options.peers else [])
    wanted = options.systems or [system.name for system in every]
    return [system for system in every
            if system.name in wanted and (not names or system.name in names)]


def throughput(lab, results, options):
    """`echo` of 100 bytes, JSON, no sessions: every system at every number of callers."""
    loads = [Load(connections=count) for count in options.connections]
    run_phase(lab, results, "throughput", chosen((), options), loads, options)


def sizes(lab, results, options):
    """Results of 10 KB and of 1 MB."""
    names = ("direct", "nginx", "http-http", "grpc-http", "http-stdio", "envoy", "envoy-mcp")
    loads = [Load(work="bytes", size=size, connections=count)
             for size in options.sizes for count in options.some_connections]
    run_phase(lab, results, "sizes", chosen(names, options), loads, options)


def sse(lab, results, options):
    """The upstream answers with event streams."""
    names = ("direct", "nginx", "http-http", "grpc-http", "envoy", "envoy-mcp", "litellm")
    run_phase(lab, results, "sse", chosen(names, options),
              [Load(connections=count) for count in options.some_connections], options, answer="sse")


def sessions(lab, results, options):
    """Clients with sessions, before an upstream that demands them."""
    names = ("direct", "nginx", "http-http", "envoy-mcp")
    run_phase(lab, results, "sessions", chosen(names, options),
              [Load(sessions=True, connections=count) for count in options.some_connections],
              options, sessions=True)


def rate(lab, results, options):
    """A fixed rate, half of what the bridge can do at 64 callers; latency counts from when each call
    was due."""
    for bridge, names in (("http-http", ("direct", "nginx", "http-http")),
                          ("grpc-http", ("grpc-echo", "grpc-http"))):
        maximum = results.median("calls_per_s", "throughput", bridge, 64)
        if maximum is None:
            maximum = probe(lab, results, bridge, options)
        if maximum:
            results.figures[f"rate {bridge}"] = {"calls_per_s": maximum / 2}
            run_phase(lab, results, f"rate {bridge}", chosen(names, options),
                      [Load(rate=round(maximum / 2))], options)


def probe(lab, results, name, options):
    """The throughput of one system, where no scenario before has measured it."""
    phase = f"probe {name}"
    run_phase(lab, results, phase, chosen((name,), options), [Load()], options)
    return results.median("calls_per_s", phase, name, 64)


# In the order in which they run.
ALL = {
    "throughput": throughput,
    "sizes": sizes,
    "sse": sse,
    "sessions": sessions,
    "rate": rate,
    "cancel": cancel,
    "cost-growth": cost_growth,
    "start": start,
    "sleep-http": sleep_http,
    "sleep-grpc": sleep_grpc,
    "sleep-stdio": sleep_stdio,
    "idle-sessions": idle_sessions,
    "profile": profile,
}
