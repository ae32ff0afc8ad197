#!/usr/bin/env python3
"""Runs MCP's conformance suite against a real bridge.

    run.py LEG --bridge FILE --tools DIR [--scenario NAME] [--verbose]
    run.py LEG --direct --tools DIR    ... against the server or client itself, with no bridge
    run.py LEG --direct --listed --tools DIR   ... only what expected-failures.yml lists

LEG is the protocol version that the suite speaks, for its server half: the suite is the client of
the bridge, which has a real MCP server behind it. With tasks- before it, that is a server which has
the tasks extension. With client- before it, the client half: the suite is the server behind the
bridge, which has a real client before it (bridge_client.py).

Starts what is needed on free ports, runs the suite, stops everything, and compares what failed with
expected-failures.yml beside this file. In the client half a warning is a failure, as the suite has
it. Where a leg is a revision's frozen list of requirements, the suite itself must end with 0, too:
so nothing that it requires may be listed.

Exit code 0: nothing failed but what is listed, and all of that did; 1: otherwise; 77: skipped,
setup.sh's installs are not there (with CI=true: 1).
"""

import argparse
import collections
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

from process import START_SECONDS, Failure, Process, end_of_bridge

SUITE_SECONDS = 150  # one leg of the server half, one scenario of the client half
CLIENT_MILLISECONDS = 60000  # what the suite gives a client, which has a bridge to start
SKIPPED = 77

# What the suite is called with. Newer versions have a frozen list of what must pass, which the
# suite's exit code goes by; the version's scenarios outside of that list run as well.
LEGS = {
    "2025-03-26": ["--suite", "all", "--spec-version", "2025-03-26"],
    "2025-06-18": ["--suite", "all", "--spec-version", "2025-06-18"],
    "2025-11-25": ["--requirements", "2025-11-25"],
    "2026-07-28": ["--requirements", "2026-07-28"],
    "tasks-2026-07-28": ["--requirements", "2026-07-28"],
}


# Of the client half, by version, what concerns what is between client and server; the rest is about
# authorization, which is the client's own.
CLIENT_LEGS = {
    "client-2025-11-25": ("2025-11-25", [
        "initialize", "tools_call", "elicitation-sep1034-client-defaults", "sse-retry",
        "json-schema-2020-12-preservation"]),
    "client-2026-07-28": ("2026-07-28", [
        "tools_call", "request-metadata", "http-standard-headers", "http-custom-headers",
        "http-invalid-tool-headers", "json-schema-ref-no-deref",
        "json-schema-2020-12-preservation", "sep-2322-client-request-state"]),
}

NODE = "node/node_modules/node/bin/node"
SUITE = "node/node_modules/@modelcontextprotocol/conformance/dist/index.js"
PYTHON = "python/bin/python"
SERVER = "sdist/mcp/examples/servers/everything-server"
CLIENT = "sdist/mcp/.github/actions/conformance/client.py"
TASKS_PYTHON = "fastmcp/bin/python"
TASKS_SERVER = "fastmcp-sdist/tests/conformance"
# Its own entry point doesn't say which port it got.
TASKS_MAIN = ("import server, uvicorn;"
              "uvicorn.run(server.build_app(), host='127.0.0.1', port=0)")


class Stack:
    """The MCP server, and the bridge in front of it unless the server itself is wanted."""

    def __init__(self, args, work):
        self.args, self.work = args, work
        self.processes = []

    def start(self):
        """The URL for the suite, once it answers."""
        tools = self.args.tools
        has_tasks = self.args.leg.startswith("tasks-")
        command = ([tools / TASKS_PYTHON, "-c", TASKS_MAIN] if has_tasks else
                   [tools / PYTHON, "-m", "mcp_everything_server", "--port", "0"])
        server = self.run("server", command, {
            "PYTHONPATH": str(tools / (TASKS_SERVER if has_tasks else SERVER)),
            "PYTHONUNBUFFERED": "1"})
        url = server.wait_for(r"running on (http://\S+:\d+)")[1] + "/mcp"
        if not self.args.direct:
            url = self.start_bridge(url)
        if (status := post_initialize(url)) != 200:
            raise Failure(f"{url} answers initialize with HTTP {status}")
        return url

    def start_bridge(self, server_url):
        config = {
            "mcp_servers": {"everything": {"url": server_url, "transport": "http",
                                           "protocol": self.args.protocol}},
            "bridge": {"http_listen": "127.0.0.1:0", "grpc_listen": "127.0.0.1:0", "admin_listen": "off"},
        }
        file = self.work / "bridge.yaml"
        file.write_text(json.dumps(config, indent=2))  # JSON is YAML
        bridge = self.run("bridge", [self.args.bridge, f"--config={file}"])
        base = "http://" + bridge.wait_for(r"(?m)^ready http=(\S+) grpc=\S+$")[1]
        wait_until_ready(base + "/readyz")
        return base + "/mcp"

    def run(self, name, command, env=None):
        process = Process(name, command, self.work / f"{name}.log", env)
        self.processes.append(process)
        return process

    def stop(self):
        """Stops all, the bridge first. What went wrong with that, in sentences."""
        problems = []
        for process in reversed(self.processes):
            if process.name == "bridge":
                problems += end_of_bridge(process)
            else:
                process.stop()
        return problems

    def logs(self):
        return "".join(f"---- {process.name}\n{process.output()[-8000:]}\n"
                       for process in self.processes)


def http_status(request):
    try:
        with urllib.request.urlopen(request, timeout=START_SECONDS) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def post_initialize(url):
    """The suite passes many a check against nothing at all, so something must answer first."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {"protocolVersion": "2025-11-25", "capabilities": {},
                       "clientInfo": {"name": "conformance-run", "version": "1"}}}
    return http_status(urllib.request.Request(
        url, json.dumps(body).encode(),
        {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}))


def wait_until_ready(url):
    """Until the bridge knows its server."""
    end = time.monotonic() + START_SECONDS
    while (status := http_status(url)) != 200:
        if time.monotonic() > end:
            raise Failure(f"{url} still answers {status} after {START_SECONDS} s")
        time.sleep(0.02)


def run_suite(args, words, work, name="suite"):
    """(exit code, output) of the suite."""
    command = [args.tools / NODE, args.tools / SUITE, *words, "-o", work / "results"]
    suite = Process(name, command, work / f"{name}.log")
    try:
        code = suite.popen.wait(SUITE_SECONDS)
    except subprocess.TimeoutExpired:
        raise Failure(f"the suite did not end within {SUITE_SECONDS} s") from None
    finally:
        suite.kill()
    if args.verbose:
        print(suite.output())
    return code, suite.output()


def run_server_half(args, url, work):
    """Of one leg: {scenario: {status: how often}}, {(scenario, check id): what failed}, and what is
    wrong beside that, in sentences.
    """
    version = args.leg.removeprefix("tasks-")
    selections = [["--scenario", scenario, "--spec-version", version, "--force"]
                  for scenario in args.only] or [LEGS[args.leg]]
    runs = [(selection, *run_suite(args, ["server", "--url", url, *selection], work, f"suite-{i}"))
            for i, selection in enumerate(selections)]
    statuses, messages = read_results(work / "results", "server-", {"FAILURE"})
    problems = []
    for selection, code, output in runs:
        add_given_up(output, statuses, messages)
        if code not in (0, 1) or (code == 1 and not messages):
            raise Failure(f"the suite ended with {code}:\n{output[-4000:]}")
        if code == 1 and "--requirements" in selection:
            problems.append(f"the suite ended with 1: something fails that {version} requires")
    if not statuses or not statuses.keys() >= set(args.only):
        raise Failure(f"a scenario did not run:\n{output[-4000:]}")
    return statuses, messages, problems


def run_client_half(args, work):
    """The same, one scenario after another: each has a bridge of its own."""
    version, scenarios = CLIENT_LEGS[args.leg]
    client = [args.tools / PYTHON, args.tools / CLIENT]
    if not args.direct:
        client = [sys.executable, "-B", HERE / "bridge_client.py", "--bridge",
                  args.bridge.resolve(), "--logs", work, "--protocol", args.protocol, *client]
    command = shlex.join(str(word) for word in client)
    failed = {}
    for scenario in args.only or scenarios:
        code, output = run_suite(
            args, ["client", "--command", command, "--scenario", scenario, "--spec-version",
                   version, "--timeout", str(CLIENT_MILLISECONDS)], work, f"suite-{scenario}")
        if code != 0:
            failed[scenario] = output
    statuses, messages = read_results(work / "results", "", {"FAILURE", "WARNING"})
    for scenario, output in failed.items():
        counts = statuses.setdefault(scenario, collections.Counter())
        if not counts["FAILURE"]:
            counts["FAILURE"] += 1
            messages[scenario, scenario] = "gave up: " + output[-400:]
    return statuses, messages, []


def read_results(folder, prefix, failures):
    """The first two of what run_server_half returns; each of `failures` counts as FAILURE."""
    statuses, messages = {}, {}
    for file in sorted(folder.glob(prefix + "*/checks.json")):
        scenario = re.fullmatch(prefix + r"(.+)-\d{4}-\d\d-\d\dT.*", file.parent.name)[1]
        counts = statuses.setdefault(scenario, collections.Counter())
        for check in json.loads(file.read_text()):
            failed = check["status"] in failures
            counts["FAILURE" if failed else check["status"]] += 1
            if failed:
                messages.setdefault((scenario, check["id"]),
                                    check.get("errorMessage") or check.get("description", ""))
    return statuses, messages


def add_given_up(output, statuses, messages):
    """A scenario that breaks off leaves no checks.json, only lines in the suite's output."""
    for scenario, failures in re.findall(r"(?m)^\W*✗\W*(\S+): \d+ passed, (\d+) failed", output):
        if scenario not in statuses and int(failures) > 0:
            why = re.search(rf"(?m)^Failed to run scenario {re.escape(scenario)}: (.*)$", output)
            statuses[scenario] = collections.Counter(FAILURE=int(failures))
            messages[scenario, scenario] = "gave up: " + (why[1] if why else "see its output")


def read_expected(text):
    """{leg: [entry]} of expected-failures.yml: only sections, entries and comments."""
    sections = {}
    section = None
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].rstrip()
        if match := re.fullmatch(r'"?([\w.-]+)"?:( \[\])?', line):
            section = sections.setdefault(match[1], [])
        elif (match := re.fullmatch(r"  - ([\w.:-]+)", line)) and section is not None:
            section.append(match[1])
        elif line:
            raise Failure(f"expected-failures.yml:{number}: not understood: {line}")
    if unknown := set(sections) - {*LEGS, *CLIENT_LEGS}:
        raise Failure(f"expected-failures.yml: unknown sections {sorted(unknown)}")
    return sections


def judge(statuses, messages, entries):
    """(failures that no entry expects, entries that did not fail although their scenario ran)."""
    unexpected = [key for key in messages
                  if key[0] not in entries and ":".join(key) not in entries]
    stale = []
    for entry in entries:
        scenario, _, check = entry.partition(":")
        failed = any(key[0] == scenario and check in ("", key[1]) for key in messages)
        if scenario in statuses and not failed:
            stale.append(entry)
    return unexpected, stale


def report(args, statuses, messages, entries):
    """Prints a line per failed scenario and the sums. What is wrong, in sentences."""
    unexpected, stale = judge(statuses, messages, entries)
    failed = collections.defaultdict(list)
    for scenario, check in messages:
        failed[scenario].append(check)
    for scenario, checks in failed.items():
        listed = not any(key[0] == scenario for key in unexpected)
        first = " ".join(messages[scenario, checks[0]].split())[:160]
        print(f"{'expected' if listed else 'FAILED'} {scenario}: {', '.join(checks)}: {first}")
    total = sum(statuses.values(), collections.Counter())
    print(f"{args.leg}: {len(statuses) - len(failed)} of {len(statuses)} scenarios, "
          f"{total['SUCCESS']} of {total['SUCCESS'] + total['FAILURE']} checks passed")
    problems = [f"unexpected failure {scenario}:{check}: {messages[scenario, check]}"
                for scenario, check in unexpected]
    problems += [f"{entry} passes{' directly' if args.direct else ''}: expected-failures.yml must "
                 "not list it" for entry in stale]
    return problems


def run(args, work):
    sections = read_expected((HERE / "expected-failures.yml").read_text())
    entries = sections.get(args.leg, [])
    if args.listed:
        args.only = sorted({entry.partition(":")[0] for entry in entries})
        if not entries:
            print(f"{args.leg}: nothing is listed")
            return 0
    stack = Stack(args, work)
    problems = []
    try:
        started = time.monotonic()
        if args.leg in CLIENT_LEGS:
            statuses, messages, problems = run_client_half(args, work)
        else:
            statuses, messages, problems = run_server_half(args, stack.start(), work)
        problems += report(args, statuses, messages, entries)
        print(f"in {time.monotonic() - started:.1f} s")
    except (Failure, OSError) as failure:
        problems.append(str(failure))
    finally:
        problems += stack.stop()
    if problems:
        if args.verbose:
            print(stack.logs())
        print(f"FAILED {args.leg}:", *problems, sep="\n  ")
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("leg", choices=sorted([*LEGS, *CLIENT_LEGS]))
    parser.add_argument("--tools", required=True, type=pathlib.Path, help="where setup.sh put it")
    parser.add_argument("--bridge", type=pathlib.Path, help="the mcp-bridge to test")
    parser.add_argument("--direct", action="store_true", help="the server itself, no bridge")
    parser.add_argument("--protocol", default="auto", choices=["auto", "legacy", "modern"],
                        help="what the bridge speaks to the server, whatever the suite speaks")
    parser.add_argument("--scenario", dest="only", nargs=1, default=[], help="only this one")
    parser.add_argument("--listed", action="store_true",
                        help="only the scenarios that expected-failures.yml lists")
    parser.add_argument("--verbose", action="store_true",
                        help="the suite's own output, and logs where something failed")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for logs and checks.json")
    args = parser.parse_args()
    args.tools = args.tools.resolve()
    if not (args.direct or args.bridge):
        parser.error("--bridge or --direct is needed")
    if not (args.tools / "installed").exists():
        print(f"{args.leg}: not installed: see {HERE / 'setup.sh'}")
        sys.exit(1 if os.environ.get("CI") == "true" else SKIPPED)
    if args.keep:
        shutil.rmtree(args.keep, ignore_errors=True)
        args.keep.mkdir(parents=True)
        sys.exit(run(args, args.keep.resolve()))
    with tempfile.TemporaryDirectory(prefix="conformance-") as work:
        sys.exit(run(args, pathlib.Path(work)))


if __name__ == "__main__":
    main()
