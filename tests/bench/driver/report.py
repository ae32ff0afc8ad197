"""What a run says: JSON of every run, Markdown of the medians and the targets, plots."""

import json

import svg
import targets
from load import errors_of

OURS = ("http-http", "grpc-http", "http-stdio", "grpc-stdio", "grpc-grpc")
COLUMNS = (("calls/s", "calls_per_s", "{:,.0f}"), ("p50 us", "p50_us", "{:,.0f}"),
           ("p90 us", "p90_us", "{:,.0f}"), ("p99 us", "p99_us", "{:,.0f}"),
           ("p99.9 us", "p999_us", "{:,.0f}"), ("CPU us/call", "gateway_cpu_us_per_call", "{:.1f}"),
           ("idle MB", "idle_kib", None), ("peak MB", "peak_kib", None),
           ("upstream/call", "upstream_per_call", "{:.3f}"))
NO_GATEWAY = ("direct", "pipe", "pipe-batched", "direct-stdio", "stdio-alone")


def markdown_table(header, rows, left=1):
    """The first `left` columns are text."""
    lines = ["| " + " | ".join(header) + " |",
             "|" + "|".join("---" if i < left else "--:" for i in range(len(header))) + "|"]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def cell(results, phase, system, connections, figure, form, more):
    value = results.median(figure, phase, system, connections, **more)
    gateway_only = figure in ("gateway_cpu_us_per_call", "idle_kib", "peak_kib")
    if value is None or (gateway_only and (system in NO_GATEWAY or not value)):
        return "-"
    return form.format(value) if form else f"{value / 1024:.1f}"


def phase_tables(results, phase, titles):
    lines = []
    for size in results.values(phase, "size"):
        for connections in results.values(phase, "connections"):
            rows = phase_rows(results, phase, connections, {"size": size})
            if rows:
                lines += ["", f"### {titles(size, connections)}", ""]
                lines += markdown_table(
                    ["system", *(column for column, _, _ in COLUMNS), "errors", "runs"], rows)
    return lines


def phase_rows(results, phase, connections, more):
    rows = []
    for system in results.systems(phase):
        runs = results.of(phase, system, connections, **more)
        if not runs:
            continue
        used = results.used(phase, system, connections, **more)
        mark = "*" if results.disturbed(phase, system, connections, **more) else ""
        rows.append([f"`{system}`", *(cell(results, phase, system, connections, figure, form, more)
                                      for _, figure, form in COLUMNS),
                     errors_and_late(runs), f"{len(used)}/{len(runs)}{mark}"])
    return rows


def errors_and_late(runs):
    """Late: calls that were due and couldn't even begin, as all callers still waited."""
    errors, late = (sum(errors_of(run) for run in runs), sum(run["never_begun"] for run in runs))
    return f"{errors}, {late:,} late" if late else errors


def size_name(size):
    return f"{size >> 20} MB" if size >= 1 << 20 else f"{size >> 10} KB" if size >= 1024 else f"{size} B"


def loader_table(results):
    """Shows that the load generator isn't what ends a system's throughput."""
    rows = []
    for system in results.systems("throughput"):
        cores = results.median("load_cores", "throughput", system, 64)
        if cores is not None:
            rows.append([f"`{system}`", *(
                f"{results.median(figure, 'throughput', system, 64) or 0:.2f}"
                for figure in ("load_cores", "gateway_cores", "other_cores", "foreign_cores"))])
    if not rows:
        return []
    return ["", "### Where the CPUs went, 64 callers, in cores", "",
            *markdown_table(["system", "load generator", "gateway", "upstream", "anything else"], rows),
            "", "The load generator has one thread over HTTP and two with gRPC's own client, so 1.00 and "
            "2.00 would be its limits; `direct` is what it and the upstream reach without a gateway."]


def target_table(results):
    rows = targets.table(results)
    measured = [row for row in rows if row.met is not None]
    lines = markdown_table(["what", "target", "measured", ""],
                           [[row.what, row.target, row.measured, "met" if row.met else "**missed**"]
                            for row in measured], left=4)
    if len(measured) < len(rows):
        lines += ["", f"Not measured in this run: {len(rows) - len(measured)} of {len(rows)}."]
    return lines


def figure_lines(results):
    lines = []
    for name, figures in results.figures.items():
        values = ", ".join(f"{key} {value:,.1f}" if isinstance(value, float) else f"{key} {value}"
                           for key, value in figures.items() if value not in ("", None))
        lines.append(f"- {name}: {values}")
    return ["", "### Figures of single scenarios", "", *lines] if lines else []


def markdown(results, about):
    lines = [about["line"], "", "### Targets", "", *target_table(results)]
    lines += phase_tables(results, "throughput",
                          lambda size, count: f"`echo`, {size_name(size)}, callers: {count}")
    lines += loader_table(results)
    lines += phase_tables(results, "sizes",
                          lambda size, count: f"Results of {size_name(size)}, callers: {count}")
    lines += phase_tables(results, "sse", lambda size, count: f"Answers as event streams, "
                                                              f"callers: {count}")
    lines += phase_tables(results, "sessions", lambda size, count: f"Clients with sessions, "
                                                                   f"callers: {count}")
    for bridge in ("http-http", "grpc-http"):
        rate = results.figures.get(f"rate {bridge}", {}).get("calls_per_s", 0)
        lines += phase_tables(
            results, f"rate {bridge}",
            lambda size, count, rate=rate: f"A fixed rate of {rate:,.0f} calls/s, callers: {count}")
    lines += phase_tables(results, "cost-growth", lambda size, count: f"Many tools, callers: {count}")
    lines += figure_lines(results)
    if any(results.disturbed(run["phase"], run["system"], run["connections"]) for run in results.runs):
        lines += ["", "\\* In every run other processes took more than a fifth of a core."]
    if results.skipped:
        lines += ["", "### Left out", "", *(f"- {what}: {why}" for what, why in results.skipped.items())]
    return "\n".join(lines) + "\n"


def plots(results):
    """{file name: SVG}"""
    def at_64(figure):
        rows = [(system, results.median(figure, "throughput", system, 64))
                for system in results.systems("throughput")]
        return [(system, value) for system, value in rows if value]
    bare = ("pipe", "pipe-batched", "direct-stdio", "stdio-alone")  # a scale of their own
    throughput = [(name, value) for name, value in at_64("calls_per_s") if name not in bare]
    latency = {}
    for system in results.systems("throughput"):
        points = [(count, results.median("p50_us", "throughput", system, count))
                  for count in results.values("throughput", "connections")]
        points = [(count, value) for count, value in points if value]
        if points and system not in bare:
            latency[system] = points
    found = {}
    if throughput:
        found["throughput.svg"] = svg.bars("Calls per second, 64 callers", throughput, OURS)
    if cpu := at_64("gateway_cpu_us_per_call"):
        found["cpu.svg"] = svg.bars("CPU microseconds of the gateway per call, 64 callers", cpu, OURS)
    if latency:
        found["latency.svg"] = svg.lines("Median latency in microseconds", "callers", latency)
    return found


def write(results, about, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(
        {"about": about, "runs": results.runs, "figures": results.figures,
         "skipped": results.skipped,
         "targets": [vars(row) for row in targets.table(results)]}, indent=1))
    text = markdown(results, about)
    (folder / "report.md").write_text(text)
    for name, plot in plots(results).items():
        (folder / name).write_text(plot)
    return text
