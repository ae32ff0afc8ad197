"""All runs of all systems, and their medians."""

import statistics

from load import errors_of, is_quiet


class Results:
    """Runs by phase (what was done), load and system; figures of scenarios by their names."""

    def __init__(self):
        self.runs = []
        self.figures = {}
        self.skipped = {}  # why, by what

    def add(self, phase, system, load, result):
        self.runs.append({"phase": phase, "system": system, "work": load.work, "size": load.size,
                          "sessions": load.sessions, **result})

    def skip(self, what, why):
        self.skipped.setdefault(what, str(why))

    def of(self, phase, system=None, connections=None, **more):
        wanted = {"phase": phase, **more}
        if system is not None:
            wanted["system"] = system
        if connections is not None:
            wanted["connections"] = connections
        return [run for run in self.runs
                if all(run.get(key) == value for key, value in wanted.items())]

    def used(self, phase, system, connections, **more):
        """Runs that nothing else disturbed, or all where there is none."""
        runs = self.of(phase, system, connections, **more)
        return [run for run in runs if is_quiet(run)] or runs

    def median(self, figure, phase, system, connections, **more):
        """None: it wasn't measured."""
        values = [run[figure] for run in self.used(phase, system, connections, **more)
                  if run.get(figure) is not None]
        return statistics.median(values) if values else None

    def systems(self, phase):
        return list(dict.fromkeys(run["system"] for run in self.of(phase)))

    def values(self, phase, key):
        return sorted({run[key] for run in self.of(phase)})

    def disturbed(self, phase, system, connections, **more):
        runs = self.of(phase, system, connections, **more)
        return bool(runs) and not any(is_quiet(run) for run in runs)

    def errors(self, systems):
        """How many calls of these systems went wrong, in all."""
        return sum(errors_of(run) for run in self.runs if run["system"] in systems)
