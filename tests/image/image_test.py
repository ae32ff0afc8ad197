#!/usr/bin/env python3
"""Builds the image as scripts/image.sh does without a daemon, and runs what is in it.

    image_test.py --programs DIR --store DIR --deploy_tools DIR

The programs are those of the build, which CI makes on the same Debian 12; everything else is made
anew, or is what an earlier run left in the store. The programs run from the image's own root file
system, read-only, as the image's user, without capabilities, on a network of their own. So does a
stdio server from PyPI, in an image made as docs/stdio-in-pods.md tells, and each bridge of deploy/, with
its own arguments, configuration and probes, where tests/deploy/setup.sh has put its tools.
"""

import argparse
import json
import pathlib
import re
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "harness"))

from process import Failure, Process
from root_tree import (bring_loopback_up, call_over_http, capabilities_of, expect, inside, mount,
                       mount_read_only, need, run, run_apart, wait_until)

MOST_BYTES = 60 * 1000 * 1000  # compressed, as it is pulled
MOST_STORED_KIB = 3 * 1024 * 1024  # about 20 runs leave as much behind
BUILD_SECONDS = 400
KEY = "a-key-of-the-test"
PYTHON_SERVERS = ROOT / "docker/python-servers.Dockerfile"
CONFIG = {
    "mcp_servers": {"demo": {"url": "http://127.0.0.1:9321/mcp"},
                    "clock": {"command": "mcp-server-time", "args": ["--local-timezone", "UTC"]}},
    "general_settings": {"master_key": "os.environ/MCP_BRIDGE_KEY"},
    "bridge": {"http_listen": "0.0.0.0:4000", "grpc_listen": "0.0.0.0:50051"},
}


class Store:
    """The test's own images and containers."""

    def __init__(self, folder):
        self.folder = folder

    def bound(self):
        """Begins anew where earlier runs have left too much."""
        used = run(["du", "-s", self.folder]).stdout.split()
        if used and int(used[0]) > MOST_STORED_KIB:
            shutil.rmtree(self.folder)

    def buildah(self, *arguments, seconds=BUILD_SECONDS):
        done = run(["buildah", "--storage-driver", "vfs", "--root", self.folder / "root",
                    "--runroot", self.folder / "run", *arguments], seconds=seconds)
        expect(f"buildah {arguments[0]}", done)
        return done.stdout.strip()

    def build(self, target, programs):
        tag = f"mcp-bridge-test-{target}"
        done = run([ROOT / "scripts/image.sh", "--engine", "buildah", "--store", self.folder,
                    "--programs", programs, "--target", target, "--tag", tag],
                   seconds=BUILD_SECONDS)
        expect(f"scripts/image.sh --target {target}", done)
        return tag

    def build_python(self, base):
        """The image of docker/python-servers.Dockerfile, with wheels that this machine's pip fetches."""
        wheels = self.folder / "wheels"
        server = re.search(r'SERVERS="(.*)"', PYTHON_SERVERS.read_text())[1]
        expect("pip download", run(["python3", "-m", "pip", "download", "--quiet", "--dest", wheels,
                                    "--disable-pip-version-check", "--only-binary=:all:",
                                    "--python-version", "3.11", server], BUILD_SECONDS))  # Debian 12's
        tag = "mcp-bridge-test-python"
        self.buildah("bud", "--isolation", "chroot", "--layers", "--pull-never", "--format", "docker",
                     "--volume", f"{wheels.resolve()}:/wheels:ro", "--build-arg",
                     f"BASE=localhost/{base}", "--build-arg",
                     "PIP_OPTIONS=--no-index --find-links=/wheels", "--file", PYTHON_SERVERS,
                     "--tag", tag, PYTHON_SERVERS.parent)
        return tag

    def tree_of(self, tag):
        """The image's root file system, as a container that nothing has run in."""
        container = self.buildah("from", "--pull-never", tag)
        return pathlib.Path(self.buildah("mount", container))


def check_size(store, tag):
    with tempfile.TemporaryDirectory() as folder:
        store.buildah("push", "--format", "v2s2", tag, f"dir:{folder}")
        manifest = json.loads((pathlib.Path(folder) / "manifest.json").read_text())
    size = sum(layer["size"] for layer in manifest["layers"])
    print(f"{tag}: {size / 1e6:.1f} MB compressed in {len(manifest['layers'])} layers")
    if size >= MOST_BYTES:
        raise Failure(f"the image has {size} bytes compressed, and may have {MOST_BYTES}")


def check_settings(settings):
    labels = settings["Labels"]
    version = (ROOT / "CMakeLists.txt").read_text().split("VERSION ")[2].split()[0]
    for name, value in (("title", "mcp-bridge"), ("licenses", "Apache-2.0"), ("version", version)):
        if labels.get(f"org.opencontainers.image.{name}") != value:
            raise Failure(f"label {name}: {labels}")
    expected = {"User": "65532:65532", "Entrypoint": ["mcp-bridge"],
                "Cmd": ["--config=/etc/mcp-bridge/bridge.yaml"], "StopSignal": "SIGTERM"}
    for name, value in expected.items():
        if settings[name] != value:
            raise Failure(f"{name}: {settings[name]} instead of {value}")
    if settings["Healthcheck"]["Test"] != ["CMD", "mcp-bridge", "healthcheck"]:
        raise Failure(f"health check: {settings['Healthcheck']}")


def check_contents(tree):
    """What must not be in it: the way it was made, and the programs that aren't its own."""
    unwanted = ["src", "programs", "usr/bin/gcc", "usr/bin/cmake", "usr/bin/mcp-demo-server",
                "usr/include/grpcpp", "etc/mcp-bridge/quickstart.yaml"]
    found = [path for path in unwanted if (tree / path).exists()]
    found += [str(path) for path in (tree / "var/lib/apt/lists").glob("*Packages*")]
    if found:
        raise Failure(f"the image has {', '.join(found)}")
    expect("the program is stripped", run(["file", tree / "usr/bin/mcp-bridge"]), text=", stripped")


def check_bridge(root, settings, work, demo_server):
    """Starts the image's own command and calls it on both fronts, with its own health check."""
    user = settings["User"].split(":")[0]
    env = {"MCP_BRIDGE_KEY": KEY, "MCP_BRIDGE_API_KEY": KEY, "HOME": "/",
           **dict(pair.split("=", 1) for pair in settings["Env"])}
    health = inside(root, settings["Healthcheck"]["Test"][1:], user)
    expect("root can't write either", run(["chroot", root, "touch", "/tmp/x"]), code=1,
           text="Read-only file system")
    expect("health check before the start", run(health), code=1)
    demo = Process("mcp-demo-server", [demo_server, "--port", "9321"], work / "demo.log")
    command = [*settings["Entrypoint"], *settings["Cmd"]]
    bridge = Process("mcp-bridge", inside(root, command, user), work / "bridge.log", env=env)
    try:
        bridge.wait_for(r"(?m)^ready http=0\.0\.0\.0:4000 grpc=0\.0\.0\.0:50051\b")
        who = capabilities_of(bridge.popen.pid)
        if who != (int(user), 0, False):
            raise Failure(f"uid, capabilities, may gain privileges: {who}")
        expect("health check", run(health), text="SERVING")
        text = call_over_http("http://127.0.0.1:4000/mcp/", "echo", {"text": "over HTTP"}, KEY)
        if text != "over HTTP":
            raise Failure(f"HTTP: {text}")
        call = ["mcp-call", "echo", '{"text":"over gRPC"}']
        expect("gRPC", run(inside(root, call, user), env=env), text="over gRPC")
        if (root / "opt/servers").exists():
            arguments = {"timezone": "Europe/Berlin"}
            text = call_over_http("http://127.0.0.1:4000/mcp/clock", "get_current_time", arguments, KEY)
            if json.loads(text)["timezone"] != "Europe/Berlin":
                raise Failure(f"the stdio server: {text}")
        if (code := bridge.stop()) != 0:
            raise Failure(f"the bridge ended with {code} after SIGTERM")
        expect("health check after the stop", run(health), code=1)
    except Failure as failure:
        raise Failure(f"{failure}\n{bridge.output()}") from failure
    finally:
        bridge.kill()
        demo.stop()


def check_pod(tree, entrypoint, pod, work):
    """Starts what kubelet would, in a tree that has the pod's configuration, and probes it as kubelet does."""
    probes = [inside(tree, probe, pod["user"]) for probe in pod["probes"]]
    bridge = Process(pod["name"], inside(tree, [*entrypoint, *pod["args"]], pod["user"]),
                     work / "pod.log", env={**pod["env"], "HOME": "/"})
    try:
        bridge.wait_for(r"(?m)^ready ")
        for probe in probes:
            expect(f"{pod['name']}: a probe", run(probe), text="SERVING")
        if (code := bridge.stop()) != 0:
            raise Failure(f"{pod['name']} ended with {code} after SIGTERM")
        for probe in probes:
            expect(f"{pod['name']}: a probe after the stop", run(probe), code=1)
    except Failure as failure:
        raise Failure(f"{failure}\n{bridge.output()}") from failure
    finally:
        bridge.kill()


def check_pods(image, entrypoint, pods, work):
    for number, pod in enumerate(pods):
        folder = work / f"pod{number}"
        (folder / "config").mkdir(parents=True)
        (folder / "config/bridge.yaml").write_text(pod["config"])
        (folder / "tree").mkdir()
        mount_read_only(image, folder / "tree", [(folder / "config", "/etc/mcp-bridge")])
        try:
            check_pod(folder / "tree", entrypoint, pod, work)
        finally:
            run(["umount", "--recursive", "--lazy", folder / "tree"])
    print(f"{len(pods)} pods of deploy/ start and answer their probes")


def check_demo(root, settings, work):
    """The demo image is one process to its user: the demo server and a bridge before it."""
    user = settings["User"].split(":")[0]
    process = Process("demo", inside(root, settings["Entrypoint"], user), work / "both.log")
    health = inside(root, settings["Healthcheck"]["Test"][1:], user)
    try:
        wait_until("health check of the demo", lambda: run(health).returncode == 0)
        text = call_over_http("http://127.0.0.1:4000/mcp/", "my_tool", {"query": "hello"})
        if "hello" not in text:
            raise Failure(f"HTTP: {text}")
        call = ["mcp-call", "my_tool", '{"query":"hello"}']
        expect("gRPC", run(inside(root, call, user)), text="hello")
        if (code := process.stop()) != 0:
            raise Failure(f"the demo ended with {code} after SIGTERM")
    except Failure as failure:
        raise Failure(f"{failure}\n{process.output()}") from failure
    finally:
        process.kill()


def run_inside(trees, pods, programs):
    """In namespaces of its own: {target: (tree, settings)}, [pod of pods.py]."""
    bring_loopback_up()
    mount("--make-rprivate", "/")
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        (work / "config").mkdir()
        (work / "config/bridge.yaml").write_text(json.dumps(CONFIG))
        work.chmod(0o755)
        for target, (tree, settings) in trees.items():
            (work / target).mkdir()
            mounts = [(work / "config", "/etc/mcp-bridge")] if target != "demo" else []
            mount_read_only(pathlib.Path(tree), work / target, mounts)
            try:
                if target == "demo":
                    check_demo(work / target, settings, work)
                else:
                    check_bridge(work / target, settings, work, programs / "mcp-demo-server")
            finally:
                run(["umount", "--recursive", "--lazy", work / target])
        tree, settings = trees["bridge"]
        check_pods(pathlib.Path(tree), settings["Entrypoint"], pods, work)


def pods_of(tools):
    """What pods.py prints; nothing where its tools aren't there."""
    if not (tools / "kustomize.installed").exists():
        print("the pods of deploy/ are left out: tests/deploy/setup.sh has not installed its tools")
        return []
    done = run([tools / "venv/bin/python", "-B", HERE / "pods.py", tools])
    expect("pods.py", done)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--programs", required=True, type=pathlib.Path)
    parser.add_argument("--store", required=True, type=pathlib.Path)
    parser.add_argument("--deploy_tools", required=True, type=pathlib.Path)
    parser.add_argument("--inside", help=argparse.SUPPRESS)  # how it calls itself
    args = parser.parse_args()
    if args.inside:
        return run_inside(*json.loads(args.inside), args.programs)
    need("buildah", "debootstrap", "unshare", "chroot", "strip", "file")
    store = Store(args.store)
    store.bound()
    store.buildah("rm", "--all")
    trees = {}
    for target in ("bridge", "demo", "python"):
        tag = (store.build(target, args.programs) if target != "python" else
               store.build_python("mcp-bridge-test-bridge"))
        settings = json.loads(store.buildah("inspect", "--type", "image", tag))["Docker"]["config"]
        trees[target] = (str(store.tree_of(tag)), settings)
        if target == "bridge":
            check_size(store, tag)
            check_settings(settings)
            check_contents(pathlib.Path(trees[target][0]))
    run_apart(__file__, "--programs", args.programs, "--store", args.store, "--deploy_tools",
              args.deploy_tools, "--inside", json.dumps([trees, pods_of(args.deploy_tools)]))
    store.buildah("rm", "--all")
    print("the images work")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"failed: {failure}")
