#!/usr/bin/env python3
"""Prints, as JSON, what kubelet would start for each mcp-bridge of deploy/: its arguments, environment,
configuration and probes. Needs PyYAML.

    pods.py TOOLS      TOOLS: where tests/deploy/setup.sh has put helm and kustomize
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "deploy"))

import manifests

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def probe_of(container, probe):
    """The command of the probe; for kubelet's own by gRPC, the bridge's that asks the same."""
    settings = container[probe]
    if "exec" in settings:
        return settings["exec"]["command"]
    return ["mcp-bridge", "healthcheck", f"--grpc_listen=127.0.0.1:{settings['grpc']['port']}"]


pods = [{
    "name": f"{made_by}: {name}",
    "user": str(container["securityContext"]["runAsUser"]),
    "args": container["args"],
    "env": {entry["name"]: entry.get("value", "a-secret") for entry in container.get("env", ())},
    "config": manifests.config_of(objects, spec, container),
    "probes": [probe_of(container, probe) for probe in PROBES],
} for made_by, objects in manifests.everything(manifests.Tools(pathlib.Path(sys.argv[1]))).items()
    for name, spec, container in manifests.bridges(objects)]
json.dump(pods, sys.stdout)
