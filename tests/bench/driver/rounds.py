"""Measurements in rounds: each round has every system in turn, so that all meet the same machine."""

import sys

import lab as labs
import load as loads
import systems as all_systems


# Of systems that take so long for a call that a few seconds would have the calls of one moment only.
SLOW_ROUNDS, SLOW_SECONDS, SLOW_WARMUP = 2, 15, 3


class Rounds:
    """Keeps systems running for the measurements of one phase."""

    def __init__(self, lab, results, upstream, sessions):
        self.lab, self.results = lab, results
        self.upstream, self.sessions = upstream, sessions
        self.running = {}

    def start(self, systems):
        for system in systems:
            try:
                endpoint = system.start(self.lab, self.upstream)
                all_systems.check(endpoint, self.sessions)
            except (labs.Unavailable, labs.process.Failure) as why:
                self.results.skip(system.name, why)
                print(f"SKIPPED {system.name}: {why}", file=sys.stderr)
                continue
            endpoint.idle_kib = labs.memory_kib(endpoint.gateway)
            self.running[system.name] = endpoint

    def measure(self, phase, name, load, seconds, warmup):
        endpoint = self.running.get(name)
        if endpoint is None:
            return
        try:
            result = loads.run(self.lab, endpoint, load, seconds, warmup)
        except labs.Unavailable as why:
            self.results.skip(f"{name}, {load.connections} callers, {phase}", why)
            print(f"SKIPPED {name}: {why}", file=sys.stderr)
            return
        result["idle_kib"] = endpoint.idle_kib
        self.results.add(phase, name, load, result)
        if loads.errors_of(result):
            print(f"\n{name}, {load}: {loads.errors_of(result)} errors: "
                  f"{result.get('example_error')}", file=sys.stderr)
        print(".", end="", file=sys.stderr, flush=True)

    def run(self, phase, systems, load_list, options):
        """`systems`: those that are running; each round has every load with every system."""
        for number in range(options.rounds):
            for load in load_list:
                for system in systems:
                    if not system.slow:
                        self.measure(phase, system.name, load, options.seconds, options.warmup)
                    elif number < SLOW_ROUNDS and load.connections <= 64:
                        self.measure(phase, system.name, load, SLOW_SECONDS, SLOW_WARMUP)


def run_phase(lab, results, phase, systems, load_list, options, **upstream):
    """Starts an upstream and the systems before it, measures, and ends them all."""
    print(f"\n{phase}: ", end="", file=sys.stderr, flush=True)
    before = list(lab.processes)
    started = all_systems.start_upstream(lab, **upstream)
    rounds = Rounds(lab, results, started, upstream.get("sessions", False))
    try:
        rounds.start(systems)
        rounds.run(phase, systems, load_list, options)
    finally:
        for started in [p for p in reversed(lab.processes) if p not in before]:
            lab.stop(started)
