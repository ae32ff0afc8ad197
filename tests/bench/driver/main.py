"""The benchmark: scripts/bench.sh --help says how it is called, docs/benchmarks.md what it measures."""

import argparse
import datetime
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import lab as labs
import peers
import report
import scenarios
import systems
from results import Results

DEFAULT = ("throughput", "sizes", "rate", "cancel", "cost-growth", "start", "sleep-http", "sleep-grpc",
           "sleep-stdio", "idle-sessions")
QUICK_SYSTEMS = ("direct", "nginx", "grpc-echo", "pipe", "http-http", "grpc-http", "http-stdio",
                 "grpc-stdio", "grpc-grpc")


def words(text):
    return [word for word in text.replace(",", " ").split() if word]


def numbers(text):
    return [int(word) for word in words(text)]


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/bench.sh", description=__doc__)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--quick", action="store_true",
                      help="one round of half a second: shows that it works, not how fast it is")
    kind.add_argument("--full", action="store_true",
                      help="the whole matrix, with --peers: see docs/benchmarks.md for how long")
    parser.add_argument("--peers", action="store_true",
                        help="also other people's gateways, which are installed where missing")
    parser.add_argument("--rounds", type=int, help="how often each system is measured (3, full 5)")
    parser.add_argument("--seconds", type=float, help="how long each time (3, full 4)")
    parser.add_argument("--connections", type=numbers,
                        help="callers at once ('1 64', full '1 16 64 256')")
    parser.add_argument("--systems", type=words, default=[], help="only these, and what is compared")
    parser.add_argument("--only", type=words, help="only these scenarios: " + ", ".join(scenarios.ALL))
    parser.add_argument("--grpc_client", choices=("grpc", "h2"), default="grpc",
                        help="what calls over gRPC: gRPC's own client, or a bare one of HTTP/2, which "
                             "leaves more of the CPUs to the gateway")
    parser.add_argument("--apart", action="store_true",
                        help="each process in a scheduling group of its own, as containers are, instead "
                             "of all in one, as started from one shell")
    parser.add_argument("--bin", type=pathlib.Path, default=labs.ROOT / "build/release/bin",
                        help="where the programs are (build/release/bin)")
    parser.add_argument("--out", type=pathlib.Path, default=labs.ROOT / "build/bench",
                        help="where results.json, report.md and the plots go (build/bench)")
    options = parser.parse_args(arguments)
    unknown = set(options.only or ()) - set(scenarios.ALL)
    known = [system.name for system in systems.MAIN + peers.ALL]
    unknown |= set(options.systems) - set(known)
    if unknown:
        parser.error("unknown: " + ", ".join(sorted(unknown)))
    return with_defaults(options)


def with_defaults(options):
    options.peers = options.peers or options.full
    options.warmup = 0.2 if options.quick else 1.0 if options.full else 0.5
    options.rounds = options.rounds or (1 if options.quick else 5 if options.full else 3)
    options.seconds = options.seconds or (0.5 if options.quick else 4 if options.full else 3)
    options.connections = options.connections or (
        [1, 16, 64, 256] if options.full else [8] if options.quick else [1, 64])
    options.some_connections = [1, 64] if options.full else [64]  # of all but `throughput`
    options.sizes = [10 << 10, 1 << 20] if options.full else [1 << 20]
    options.scale = 0.01 if options.quick else 1  # of scenarios with very many calls
    if options.only is None:
        options.only = ["throughput"] if options.quick else (
            [name for name in scenarios.ALL if name != "profile"] if options.full else list(DEFAULT))
    if options.quick and not options.systems:
        options.systems = list(QUICK_SYSTEMS)
    return options


def about(options):
    commit = subprocess.run(["git", "-C", labs.ROOT, "describe", "--always", "--dirty"],
                            capture_output=True, text=True).stdout.strip()
    cpu = next((line.split(": ")[1] for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), "unknown CPU")
    today = datetime.date.today().isoformat()
    versions = {name: peers.version(name) for name in peers.PACKAGES} if options.peers else {}
    peer_words = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    sentences = [f"{today}, commit {commit or 'unknown'}, {os.cpu_count()} CPUs ({cpu}), load generator "
                 f"and upstream on the same machine; medians of {options.rounds} rounds of "
                 f"{options.seconds:g} s."]
    if options.grpc_client == "h2":
        sentences.append("gRPC is called by a bare client of HTTP/2.")
    if options.apart:
        sentences.append("Each process in a scheduling group of its own.")
    if peer_words:
        sentences.append(f"Peers: {peer_words}.")
    return {"line": " ".join(sentences), "date": today, "commit": commit, "cpu": cpu, "cpus": os.cpu_count(),
            "rounds": options.rounds, "seconds": options.seconds, "peers": versions}


def run(options):
    """The exit code."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mcp-bridge-bench-"))
    lab, results = labs.Lab(options.bin, folder, options.grpc_client, options.apart), Results()
    about_run = about(options)
    try:
        for name in scenarios.ALL:
            if name in options.only:
                try_scenario(name, lab, results, options)
                report.write(results, about_run, options.out)
    finally:
        lab.close()
    print("\n", file=sys.stderr)
    print(report.write(results, about_run, options.out))
    print(f"written to {options.out}: results.json, report.md and plots", file=sys.stderr)
    if went_wrong(results):
        print(f"bench.sh: not all went right; the logs are in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def try_scenario(name, lab, results, options):
    try:
        scenarios.ALL[name](lab, results, options)
    except (labs.Unavailable, labs.process.Failure, OSError, subprocess.SubprocessError) as why:
        results.skip(name, why)
        print(f"SKIPPED {name}: {why}", file=sys.stderr)
        lab.close()  # what it had started


def went_wrong(results):
    """Whether a call of the bridge's or of what it is held against failed, or one couldn't run."""
    ours = {*report.OURS, *scenarios.ALL, "direct", "grpc-echo", "pipe"}
    failures = sum(figures.get("errors", 0) + figures.get("failures", 0) +
                   figures.get("never_noticed", 0) for figures in results.figures.values())
    return bool(failures or results.errors(ours) or ours & set(results.skipped))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    try:
        sys.exit(run(parse(sys.argv[1:])))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
