#!/usr/bin/env python3
"""Everything of deploy/ is valid against the schemas of Kubernetes' own API, fits together, and has
configurations that the bridge accepts; and each of these checks finds what is wrong.

    deploy_test.py --bridge FILE --tools DIR     DIR: where setup.sh has put its tools

Exit code 77: skipped, the tools are not there (with CI=true: 1).
"""

import argparse
import copy
import os
import pathlib
import sys
import tempfile
import unittest

SKIPPED = 77

parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("--bridge", required=True, type=pathlib.Path)
parser.add_argument("--tools", required=True, type=pathlib.Path)
args = parser.parse_args()
venv = args.tools / "venv/bin/python"
if not all((args.tools / f"{name}.installed").exists() for name in ("validate", "helm", "kustomize")):
    print("setup.sh has not installed its tools")
    sys.exit(1 if os.environ.get("CI") == "true" else SKIPPED)
if pathlib.Path(sys.prefix).resolve() != (args.tools / "venv").resolve():
    os.execv(venv, [str(venv), "-B", *sys.argv])

import kubernetes_validate
import yaml

import manifests

# The oldest that deploy/ is for, and the newest whose schemas are there.
VERSIONS = (manifests.OLDEST_KUBERNETES, "1.37")
TOOLS = manifests.Tools(args.tools)
ALL = manifests.everything(TOOLS)
EXAMPLE = ALL["kustomize/example"]


def invalid(objects):
    """What Kubernetes would say against the objects."""
    problems = []
    for item in objects:
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(item, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                problems.append(f"{item['kind']} {item['metadata']['name']} ({version}): {error.message}")
    return problems


class ManifestsTest(unittest.TestCase):
    maxDiff = None

    def check(self, rule):
        for name, objects in ALL.items():
            with self.subTest(name=name):
                self.assertEqual(rule(objects), [])

    def test_all_are_there(self):
        self.assertEqual(set(ALL), {"sidecar.yaml", "standalone", "kustomize/example",
                                    "helm/full-values", "helm/minimal-values"})
        kinds = {item["kind"] for item in ALL["standalone"]}
        self.assertEqual(kinds, {"ConfigMap", "Deployment", "HorizontalPodAutoscaler", "NetworkPolicy",
                                 "PodDisruptionBudget", "Service", "ServiceAccount"})
        chart = {item["kind"] for item in ALL["helm/minimal-values"]}
        self.assertEqual(chart, kinds | {"Pod"})

    def test_they_are_valid(self):
        self.check(invalid)

    def test_ours_may_do_no_more_than_they_must(self):
        self.check(manifests.unsafe)

    def test_probes_and_graces_fit_the_configuration(self):
        self.check(manifests.unready)

    def test_what_is_named_is_there(self):
        self.check(manifests.dangling)

    def test_ports_are_those_of_the_policy(self):
        self.check(manifests.unclosed)

    def test_the_bridge_accepts_its_configuration(self):
        self.check(lambda objects: manifests.refused_config(args.bridge, objects))


class InjectionTest(unittest.TestCase):
    def test_only_what_has_the_label_gets_the_sidecar(self):
        names = sorted(name for name, _, _ in manifests.bridges(EXAMPLE))
        self.assertEqual(names, ["agent", "nightly"])
        self.assertEqual(len(manifests.pod_specs(EXAMPLE)), 3)

    def test_it_is_the_sidecar_of_the_plain_manifest(self):
        (_, spec, plain), = manifests.bridges(ALL["sidecar.yaml"])
        _, injected_spec, injected = manifests.bridges(EXAMPLE)[0]
        self.assertEqual({**injected, "image": plain["image"]}, plain)
        self.assertEqual(spec["terminationGracePeriodSeconds"],
                         injected_spec["terminationGracePeriodSeconds"])


class ChartTest(unittest.TestCase):
    MINIMAL = manifests.CHART / "ci/minimal-values.yaml"

    def test_lint(self):
        for values in sorted((manifests.CHART / "ci").glob("*-values.yaml")):
            code, output, errors = TOOLS.run("helm", "lint", "--strict", "--kube-version", "1.30.0",
                                             "--values", values, manifests.CHART)
            self.assertEqual(code, 0, output + errors)

    def test_versions_are_the_project_s(self):
        project = (manifests.ROOT / "CMakeLists.txt").read_text().split("VERSION ")[2].split()[0]
        chart = yaml.safe_load((manifests.CHART / "Chart.yaml").read_text())
        self.assertEqual((chart["version"], chart["appVersion"]), (project, project))
        for objects in ALL.values():
            for _, _, container in manifests.bridges(objects):
                self.assertRegex(container["image"], rf"(:{project}|@sha256:[0-9a-f]+)$")

    def test_what_is_wrong_is_refused(self):
        for setting, said in (
                ("config.mcp_servers=null", "mcp_servers"),
                ("config.bridge.http_listen=0.0.0.0:1", "/config/bridge"),
                ("config.mcpservers.a.url=x", "mcpservers"),
                ("config.mcp_servers.my-server.url=http://x/mcp", "my-server"),
                ("masterKey.existingSecret=", "existingSecret"),
                ("replicas=3", "replicas"),
                ("drainGraceSeconds=20s", "drainGraceSeconds"),
                ("service.httpPort=99999", "httpPort"),
                ("service.sessionAffinity=Cookie", "sessionAffinity"),
                ("autoscaling.maxReplicas=0", "maxReplicas"),
                ("podDisruptionBudget.maxUnavailable=0", "maxUnavailable"),
                ("image.digest=latest", "digest")):
            with self.subTest(setting=setting):
                code, _, errors = TOOLS.run("helm", "template", "x", manifests.CHART, "--kube-version",
                                            "1.30.0", "--values", self.MINIMAL, "--set", setting)
                self.assertNotEqual(code, 0)
                self.assertIn(said, errors)

    def test_every_value_is_in_the_schema(self):
        """An unknown one is refused, so that the defaults would be, too."""
        values = yaml.safe_load((manifests.CHART / "values.yaml").read_text())
        schema = yaml.safe_load((manifests.CHART / "values.schema.json").read_text())
        self.assertEqual(set(values) | {"global"}, set(schema["properties"]))
        for name, value in values.items():
            inner = schema["properties"][name].get("properties")
            if isinstance(value, dict) and inner and name != "config":
                self.assertEqual(set(value), set(inner), name)

    def test_a_change_of_the_configuration_rolls_out(self):
        def checksum(*more):
            objects = TOOLS.template("--values", self.MINIMAL, *more)
            deployment = next(item for item in objects if item["kind"] == "Deployment")
            return deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        self.assertEqual(checksum(), checksum("--set", "image.tag=v2"))
        self.assertNotEqual(checksum(), checksum("--set", "config.bridge.lanes=3"))

    def test_graces_follow_the_values(self):
        objects = TOOLS.template("--values", self.MINIMAL, "--set", "drainGraceSeconds=100",
                                 "--set", "preStopSeconds=30")
        self.assertEqual(manifests.unready(objects), [])
        (_, spec, _), = manifests.bridges(objects)
        self.assertEqual(spec["terminationGracePeriodSeconds"], 145)

    def test_limits_of_the_user_reach_the_bridge_as_numbers(self):
        (_, spec, container), = manifests.bridges(ALL["helm/full-values"])
        config = yaml.safe_load(manifests.config_of(ALL["helm/full-values"], spec, container))
        self.assertEqual(config["bridge"]["limits"]["in_flight_calls"], 100000)
        self.assertIs(config["bridge"]["allow_unauthenticated"], True)

    def test_metrics_are_for_whom_the_values_say(self):
        (_, spec, container), = manifests.bridges(ALL["helm/minimal-values"])
        config = yaml.safe_load(manifests.config_of(ALL["helm/minimal-values"], spec, container))
        self.assertNotIn("admin_listen", config["bridge"])
        objects = TOOLS.template("--values", self.MINIMAL, "--set", "metrics.enabled=true")
        self.assertEqual(manifests.unready(objects), [])
        self.assertEqual(manifests.refused_config(args.bridge, objects), [])
        (_, spec, container), = manifests.bridges(objects)
        config = yaml.safe_load(manifests.config_of(objects, spec, container))
        self.assertEqual(config["bridge"]["admin_listen"], "0.0.0.0:4001")
        policy, = (item for item in objects if item["kind"] == "NetworkPolicy")
        callers, scrapers = policy["spec"]["ingress"]
        self.assertEqual([port["port"] for port in callers["ports"]], [4000, 50051])
        self.assertEqual([port["port"] for port in scrapers["ports"]], [4001])
        self.assertNotEqual(callers["from"], scrapers["from"])

    def test_names_of_any_release_are_valid(self):
        for release in ("a", "mcp-bridge", "x" * 53):
            objects = TOOLS.template("--values", self.MINIMAL, release=release)
            for item in objects:
                self.assertLessEqual(len(item["metadata"]["name"]), 63)
            self.assertEqual(manifests.dangling(objects), [])


class PapersTest(unittest.TestCase):
    def test_the_values_of_kubernetes_md_are_good(self):
        """Its blocks are values of the chart, the first of which are enough."""
        blocks = [block.partition("```")[0] for block in
                  (manifests.ROOT / "docs/kubernetes.md").read_text().split("```yaml\n")[1:]]
        with tempfile.TemporaryDirectory() as folder:
            flags = []
            for number, block in enumerate(blocks):
                file = pathlib.Path(folder) / f"{number}.yaml"
                file.write_text(block)
                flags += ["--values", file]
                self.assertEqual(invalid(TOOLS.template(*flags)), [])
        self.assertEqual(len(blocks), 2)

    def test_compose(self):
        folder = manifests.ROOT / "docker"
        services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
        bridge = services["bridge"]
        mounted = bridge["volumes"][0].split(":")
        self.assertEqual(mounted[1:], ["/etc/mcp-bridge/bridge.yaml", "ro"])
        self.assertTrue((folder / bridge["build"]["context"] / bridge["build"]["dockerfile"]).exists())
        config = folder / mounted[0]
        code = os.spawnve(os.P_WAIT, args.bridge,
                          [str(args.bridge), f"--config={config}", "--check_config"],
                          {"MCP_BRIDGE_KEY": "key"})
        self.assertEqual(code, 0)
        url = yaml.safe_load(config.read_text())["mcp_servers"]["everything"]["url"]
        self.assertIn(f"//everything:{services['everything']['environment']['PORT']}/", url)


class PlantedTest(unittest.TestCase):
    """Each rule finds what it is for."""

    def setUp(self):
        self.objects = copy.deepcopy(ALL["standalone"])
        self.deployment = next(item for item in self.objects if item["kind"] == "Deployment")
        self.spec = self.deployment["spec"]["template"]["spec"]
        self.container = self.spec["containers"][0]

    def test_what_kubernetes_does_not_know(self):
        self.container["readinesProbe"] = {}
        self.assertIn("readinesProbe", invalid(self.objects)[0])

    def test_a_wrong_type(self):
        self.container["livenessProbe"]["periodSeconds"] = "20"
        self.assertNotEqual(invalid(self.objects), [])

    def test_a_root_file_system_that_can_be_written(self):
        self.container["securityContext"]["readOnlyRootFilesystem"] = False
        self.assertNotEqual(manifests.unsafe(self.objects), [])

    def test_an_image_of_no_version(self):
        self.container["image"] = "mcp-bridge:latest"
        self.assertNotEqual(manifests.unsafe(self.objects), [])

    def test_a_grace_that_is_too_short(self):
        self.spec["terminationGracePeriodSeconds"] = 39
        self.assertEqual(manifests.unready(self.objects), ["mcp-bridge: killed after 39 s, may take 40 s"])

    def test_a_probe_of_another_port(self):
        self.container["startupProbe"]["grpc"]["port"] = 4000
        self.assertNotEqual(manifests.unready(self.objects), [])

    def test_a_selector_that_selects_nothing(self):
        self.deployment["spec"]["template"]["metadata"]["labels"] = {"a": "b"}
        self.assertEqual(len(manifests.dangling(self.objects)), 4)

    def test_a_configuration_that_the_bridge_refuses(self):
        self.container["env"] = []
        problems = manifests.refused_config(args.bridge, self.objects)
        self.assertIn("MCP_BRIDGE_KEY is not set", problems[0])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
