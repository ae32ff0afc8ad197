#!/usr/bin/env python3
"""What operators read is right: promtool takes /metrics, the rules and their tests; dashboard, rules
and docs name metrics that are there; the access log has a line for each call and no secret.

    observability_test.py --bridge PATH --demo PATH --mcp_call PATH
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import stack

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/prometheus/mcp-bridge.rules.yaml"
RULE_TESTS = ROOT / "deploy/prometheus/mcp-bridge.rules.test.yaml"
DASHBOARD = ROOT / "deploy/grafana/mcp-bridge.json"
DOCS = ROOT / "docs/observability.md"


def promtool(*arguments, text=None):
    done = subprocess.run(["promtool", *map(str, arguments)], input=text, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, f"promtool {arguments[0]}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def families(text):
    """{name: (type, help)} of /metrics."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.M))
    return {name: (kind, helps[name]) for name, kind in types.items()}


def test_promtool_takes_the_metrics(args, bridge):
    for i in range(4):
        assert "result" in bridge.call("demo", "echo", {"text": "s3cr3t"})
        subprocess.run([args.mcp_call, "--address", bridge.grpc, "demo-add", '{"a":1,"b":2}'],
                       env={"MCP_BRIDGE_API_KEY": stack.KEY}, check=True, timeout=30,
                       stdout=subprocess.DEVNULL)
    text = bridge.ask("GET", "/metrics")[1]
    complaints = promtool("check", "metrics", text=text)
    assert not complaints.strip(), complaints


def test_rules(_args, _bridge):
    promtool("check", "rules", RULES)
    promtool("test", "rules", RULE_TESTS)
    alerts = set(re.findall(r"- alert: (\w+)", RULES.read_text()))
    tested = set(re.findall(r"alertname: (\w+)", RULE_TESTS.read_text()))
    assert alerts == tested, alerts ^ tested


def test_names_exist(_args, bridge):
    known = set(families(bridge.ask("GET", "/metrics")[1]))
    recorded = set(re.findall(r"record: (\S+)", RULES.read_text()))
    dashboard = json.loads(DASHBOARD.read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries += [variable["definition"] for variable in dashboard["templating"]["list"]
                if variable["type"] == "query"]
    assert len(queries) > 20
    rules = re.sub("|".join(map(re.escape, recorded)), "", RULES.read_text())
    rules = rules.replace("mcpbridge_calls_failed", "")
    for where, text in (("dashboard", "\n".join(queries)), ("rules", rules)):
        used = stack.names_in(text)
        assert used and used <= known, f"{where}: {used - known}"


def test_dashboard_queries_are_promql(_args, _bridge):
    """As rules, which promtool parses, with Grafana's variables filled in."""
    dashboard = json.loads(DASHBOARD.read_text())
    rules = []
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            expr = re.sub(r"\$__\w+", "5m", target["expr"])
            rules.append({"record": "a:b", "expr": re.sub(r"\$\w+", "x", expr),
                          "labels": {"of": f"{panel['id']}{target['refId']}"}})
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # JSON is YAML
        file.flush()
        promtool("check", "rules", file.name)
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def test_docs(_args, bridge):
    """The table of docs/observability.md is what there is, with the same type."""
    real = families(bridge.ask("GET", "/metrics")[1])
    rows = re.findall(r"^\| `(\w+)`(?: `[^|]*)? \| (\w+) \|", DOCS.read_text(), re.M)
    told = {name: kind for name, kind in rows if name.startswith(("mcpbridge_", "process_"))}
    assert told == {name: kind for name, (kind, _) in real.items()}, (
        set(told.items()) ^ {(name, kind) for name, (kind, _) in real.items()})


def test_access_log(_args, bridge):
    bridge.call("demo", "echo", {"text": "s3cr3t"})
    bridge.call("demo", "no_such_tool", {})
    bridge.call("demo", "sleep", {"ms": 5000}, {"grpc-timeout": "30m"})
    wanted = {("demo", "echo", "OK"), ("demo", "sleep", "DEADLINE_EXCEEDED")}
    for _ in range(200):
        lines = bridge.access_lines()
        if wanted <= {(line["server"], line["key"], line["reason"]) for line in lines}:
            break
        bridge.ask("GET", "/debug/calls")  # a moment, on every lane
    assert wanted <= {(line["server"], line["key"], line["reason"]) for line in lines}, lines
    assert any(line["key"] == "no_such_tool" and line["reason"] == "TOOL_NOT_FOUND" for line in lines)
    for line in lines:
        assert line["method"] == "tools/call" and re.fullmatch(r"\d+-\d+", line["id"]), line
        assert re.fullmatch(r"(ipv4:)?127\.0\.0\.1:\d+", line["peer"]), line
        assert abs(line["queue_ms"] + line["upstream_ms"] - line["total_ms"]) < 0.01, line
    assert {line["front"] for line in lines} == {"http", "grpc"}
    assert len({line["id"] for line in lines}) == len(lines)
    output = bridge.bridge.output()
    assert "s3cr3t" not in output and stack.KEY not in output


def test_log_levels(_args, bridge):
    status, text = bridge.ask("PUT", "/debug/log_level", "debug")
    assert (status, text) == (200, '{"level":"debug"}')
    assert "log level: debug instead of info" in bridge.bridge.output()
    assert bridge.ask("PUT", "/debug/log_level", "info")[0] == 200


TESTS = [test_promtool_takes_the_metrics, test_rules, test_names_exist,
         test_dashboard_queries_are_promql, test_docs, test_access_log, test_log_levels]


def main():
    parser = argparse.ArgumentParser()
    for name in ("bridge", "demo", "mcp_call"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    args = parser.parse_args()
    stack.need("promtool")
    failed = 0
    with tempfile.TemporaryDirectory() as work:
        bridge = stack.Stack(args.bridge, args.demo, pathlib.Path(work))
        try:
            for test in TESTS:
                try:
                    test(args, bridge)
                    print(f"{test.__name__}: ok", flush=True)
                except AssertionError as error:
                    failed += 1
                    print(f"{test.__name__}: {error}", flush=True)
        finally:
            bridge.close()
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
