"""What deploy/ makes of its files, and what must hold for it, each rule a function that gives the
breaches in sentences. Needs PyYAML."""

import os
import pathlib
import re
import subprocess
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm/mcp-bridge"
POD_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
# What main.cc allows the bridge beside its grace (kBeyondGrace).
BEYOND_GRACE = 15
OLDEST_KUBERNETES = "1.30"  # of the chart, and of preStop.sleep


class Tools:
    """helm and kustomize, where setup.sh has put them."""

    def __init__(self, folder):
        self.folder = folder / "bin"

    def run(self, tool, *arguments):
        """(exit code, output, errors)."""
        command = [str(word) for word in (self.folder / tool, *arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def objects(self, tool, *arguments):
        code, output, errors = self.run(tool, *arguments)
        if code:
            raise AssertionError(f"{tool} {' '.join(map(str, arguments))}: {errors}")
        return parse(output)

    def template(self, *arguments, release="shared"):
        return self.objects("helm", "template", release, CHART, "--kube-version",
                            f"{OLDEST_KUBERNETES}.0", *arguments)


def parse(text):
    return [document for document in yaml.safe_load_all(text) if document]


def everything(tools):
    """{what made them: [object]}, of all that deploy/ offers."""
    found = {
        "sidecar.yaml": parse((DEPLOY / "sidecar.yaml").read_text()),
        "standalone": tools.objects("kustomize", "build", DEPLOY / "standalone"),
        "kustomize/example": tools.objects("kustomize", "build", DEPLOY / "kustomize/example"),
    }
    for values in sorted((CHART / "ci").glob("*-values.yaml")):
        found[f"helm/{values.stem}"] = tools.template("--values", values)
    return found


def pod_specs(objects):
    """[(name, labels, spec)] of all pods that the objects lead to."""
    specs = [(item["metadata"]["name"], item["spec"]["template"]["metadata"]["labels"]
              if item["kind"] != "Job" else {}, item["spec"]["template"]["spec"])
             for item in objects if item["kind"] in POD_KINDS]
    return specs + [(item["metadata"]["name"], item["metadata"]["labels"], item["spec"])
                    for item in objects if item["kind"] == "Pod"]


def bridges(objects):
    """[(pod's name, pod's spec, container)] of every mcp-bridge."""
    return [(name, spec, container) for name, _, spec in pod_specs(objects)
            for container in (*spec.get("initContainers", ()), *spec["containers"])
            if container["name"] == "mcp-bridge"]


def config_of(objects, spec, container):
    """The text of the container's bridge.yaml, found as kubelet would."""
    path = next(argument.removeprefix("--config=") for argument in container["args"]
                if argument.startswith("--config="))
    mounted = next(item["name"] for item in container["volumeMounts"]
                   if path == f"{item['mountPath']}/bridge.yaml")
    volume = next(item for item in spec["volumes"] if item["name"] == mounted)
    maps = {item["metadata"]["name"]: item for item in objects if item["kind"] == "ConfigMap"}
    return maps[volume["configMap"]["name"]]["data"]["bridge.yaml"]


def seconds(text):
    match = re.fullmatch(r"(\d+)s?", str(text))
    return int(match[1])


def unsafe(objects):
    """Containers of ours that may do more than they must."""
    ours = [(name, spec, container) for name, _, spec in pod_specs(objects)
            for container in (*spec.get("initContainers", ()), *spec["containers"])
            if container["name"] in ("mcp-bridge", "mcp-call")]
    problems = [] if ours else ["there is no bridge"]
    expected = {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532,
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}
    for name, spec, container in ours:
        if container.get("securityContext") != expected:
            problems.append(f"{name}: securityContext {container.get('securityContext')}")
        if "memory" not in container.get("resources", {}).get("limits", {}):
            problems.append(f"{name}: no limit for memory")
        if "cpu" in container.get("resources", {}).get("limits", {}):
            problems.append(f"{name}: a limit for CPU, which only adds latency")
        if not re.search(r":\d|@sha256:", container["image"]):
            problems.append(f"{name}: an image of no version, {container['image']}")
        if spec.get("hostNetwork") or spec.get("hostPID"):
            problems.append(f"{name}: in the node's namespaces")
    return problems


def unready(objects):
    """Bridges whose probes don't ask where they listen, or whose pod ends before they do."""
    problems = []
    for name, spec, container in bridges(objects):
        config = yaml.safe_load(config_of(objects, spec, container)).get("bridge", {})
        port = str(config.get("grpc_listen", "127.0.0.1:50051")).rpartition(":")
        local = port[0] in ("127.0.0.1", "localhost")
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            settings = container.get(probe, {})
            if local and settings.get("exec", {}).get("command", [])[:2] != ["mcp-bridge",
                                                                           "healthcheck"]:
                problems.append(f"{name}: {probe} can't reach a bridge on {port[0]}")
            if not local and settings.get("grpc", {}).get("port") != int(port[2]):
                problems.append(f"{name}: {probe} is not at the port of gRPC, {port[2]}")
        sidecar = container in spec.get("initContainers", ())
        if sidecar and container.get("restartPolicy") != "Always":
            problems.append(f"{name}: an init container that never ends, and is no sidecar")
        grace = spec.get("terminationGracePeriodSeconds", 30)
        before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        needed = before + seconds(config.get("drain_grace", "20s")) + BEYOND_GRACE
        if grace < needed:
            problems.append(f"{name}: killed after {grace} s, may take {needed} s")
    return problems


def dangling(objects):
    """Selectors that select none of the pods, and names that name nothing."""
    problems = []
    pods = [labels for _, labels, _ in pod_specs(objects)]
    names = {(item["kind"], item["metadata"]["name"]) for item in objects}

    def selects(selector):  # without any label it would be all pods of the namespace, others' too
        return selector and any(selector.items() <= labels.items() for labels in pods)

    for item in objects:
        where = f"{item['kind']} {item['metadata']['name']}"
        spec = item.get("spec", {})
        if item["kind"] == "Service" and not selects(spec.get("selector")):
            problems.append(f"{where} selects nothing")
        if item["kind"] == "PodDisruptionBudget" and not selects(spec.get("selector", {}).get("matchLabels")):
            problems.append(f"{where} selects nothing")
        if item["kind"] == "NetworkPolicy" and not selects(spec["podSelector"].get("matchLabels")):
            problems.append(f"{where} selects nothing")
        if item["kind"] == "HorizontalPodAutoscaler":
            target = spec["scaleTargetRef"]
            if (target["kind"], target["name"]) not in names:
                problems.append(f"{where} scales nothing")
    for name, _, spec in pod_specs(objects):
        for volume in spec.get("volumes", ()):
            if "configMap" in volume and ("ConfigMap", volume["configMap"]["name"]) not in names:
                problems.append(f"{name}: no ConfigMap {volume['configMap']['name']}")
    return problems


def unclosed(objects):
    """Ports that a Service offers and its NetworkPolicy keeps shut, or the other way round."""
    policies = [item for item in objects if item["kind"] == "NetworkPolicy"]
    problems = []
    for _, _, container in bridges(objects):
        ports = {port["containerPort"] for port in container.get("ports", ())}
        for policy in policies:
            allowed = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
            if allowed != ports:
                problems.append(f"NetworkPolicy allows {allowed}, the bridge has {ports}")
            if set(policy["spec"]["policyTypes"]) != {"Ingress", "Egress"}:
                problems.append("NetworkPolicy leaves a direction open")
    return problems


def refused_config(bridge, objects):
    """What the bridge itself says against the configurations, with the environment that the pods have."""
    problems = []
    for name, spec, container in bridges(objects):
        env = {entry["name"]: entry.get("value", "a-secret") for entry in container.get("env", ())}
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(config_of(objects, spec, container))
            file.flush()
            done = subprocess.run([bridge, f"--config={file.name}", "--check_config"],
                                  capture_output=True, text=True, timeout=30, check=False,
                                  env={"PATH": os.environ["PATH"], **env})
        if done.returncode:
            problems.append(f"{name}: {done.stderr}")
    return problems
