"""Flame graphs: where a process spends its CPU time, from perf's samples, as SVG."""

import collections
import html
import re
import subprocess
import zlib

import lab as labs

WIDTH, ROW, TOP = 1200, 17, 40
NARROWEST = 0.0008  # of all samples; what is less isn't drawn


def record(lab, pids, seconds, name):
    """Samples of the processes from now on; call the result when the load has ended."""
    data = lab.folder / f"{name}.perf"
    # dwarf: Debian's libraries and ours have no frame pointers.
    started = lab.start("perf", ["perf", "record", "-q", "-F", "499", "--call-graph", "dwarf,16384",
                                 "-o", data, "-p", ",".join(map(str, pids)), "--",
                                 "sleep", seconds])

    def stacks():
        started.popen.wait(seconds + 60)
        lab.stop(started)
        script = subprocess.run(["perf", "script", "-i", data, "-F", "comm,ip,sym", "--no-inline"],
                                capture_output=True, text=True, errors="replace", timeout=300)
        if not script.stdout:
            raise labs.Unavailable(f"perf saw nothing: {script.stderr.strip()[-200:]}")
        return fold(script.stdout)
    return stacks


def fold(script):
    """{(thread, outermost function, ..., innermost): samples} of perf script's output."""
    stacks = collections.Counter()
    for block in script.split("\n\n"):
        lines = block.strip().splitlines()
        if not lines:
            continue
        frames = [short(line.strip().partition(" ")[2]) for line in lines[1:]]
        thread = re.sub(r"/\d+$", "", lines[0].strip())  # lane/0 and lane/1 do the same
        stacks[(thread, *reversed(frames))] += 1
    return stacks


def short(symbol):
    """A function's name without its parameters, our namespace, and template arguments that are long."""
    symbol = symbol.replace("(anonymous namespace)::", "").replace("mcpbridge::", "")
    symbol = re.sub(r"\(.*", "", symbol)
    while len(symbol) > 90 and (shorter := re.sub(r"<[^<>]*>", "", symbol)) != symbol:
        symbol = shorter
    return symbol or "[unknown]"


def self_times(stacks, count=25):
    """The functions that most samples were in themselves: (share, name)."""
    total = sum(stacks.values()) or 1
    own = collections.Counter()
    for stack, samples in stacks.items():
        own[stack[-1]] += samples
    return [(samples / total, name) for name, samples in own.most_common(count)]


def tree_of(stacks):
    """{name: [samples, children]}"""
    root = {}
    for stack, samples in stacks.items():
        level = root
        for name in stack:
            node = level.setdefault(name, [0, {}])
            node[0] += samples
            level = node[1]
    return root


def svg(title, stacks):
    total = sum(stacks.values()) or 1
    boxes, deepest = [], 0

    def place(level, left, depth):
        nonlocal deepest
        for name, (samples, children) in sorted(level.items()):
            if samples / total >= NARROWEST:
                boxes.append((left, depth, samples, name))
                deepest = max(deepest, depth)
                place(children, left, depth + 1)
            left += samples
    place(tree_of(stacks), 0, 0)
    height = TOP + (deepest + 1) * ROW + 10
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
             f'viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">',
             f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
             f'<text x="10" y="22" font-size="15">{html.escape(title)}</text>']
    for left, depth, samples, name in boxes:
        x, width = left * WIDTH / total, samples * WIDTH / total
        y = height - 10 - (depth + 1) * ROW
        shade = zlib.crc32(name.encode()) % 60  # the same in every graph
        label = html.escape(name[:int(width / 6.7)]) if width > 25 else ""
        parts.append(
            f'<g><title>{html.escape(name)}: {100 * samples / total:.1f} %</title>'
            f'<rect x="{x:.1f}" y="{y}" width="{max(width - 0.4, 0.3):.1f}" height="{ROW - 1}" '
            f'fill="rgb(255,{150 + shade},{60 + shade})"/>'
            f'<text x="{x + 3:.1f}" y="{y + 12}">{label}</text></g>')
    return "\n".join([*parts, "</svg>", ""])
