#!/usr/bin/env python3
"""Makes the Debian package, installs it in a clean Debian 12 and uses what is there: calls a tool on both
fronts with the service's own command line, changes its configuration, removes and purges it.

    package_test.py --work DIR      DIR: for the clean Debian, made anew each time

Packs what is built. The service runs without any privilege, on a read-only root file system and a network
of its own; systemd itself isn't there.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "harness"))

from process import Failure, Process
from root_tree import (bring_loopback_up, call_over_http, expect, inside, mount, mount_read_only, need,
                       run, run_apart)

BASE = ROOT / "build/debian-12/base.tar"
INSTALL_SECONDS = 300
USER = "65534"  # a number, as DynamicUser would have it
CONFIG = "etc/mcp-bridge/bridge.yaml"


def make_package():
    done = run([ROOT / "scripts/package.sh", "--no-build"], seconds=120)
    expect("scripts/package.sh", done)
    package = ROOT / done.stdout.strip()
    if not re.fullmatch(r"mcp-bridge_[\d.]+_\w+\.deb", package.name):
        raise Failure(f"the package is called {package.name}")
    return package


def check_contents(package):
    """What is in it, and what it needs."""
    names = set(run(["sh", "-c", f"dpkg-deb --fsys-tarfile {package} | tar -t"]).stdout.split())
    wanted = {f"./usr/bin/{name}" for name in ("mcp-bridge", "mcp-call", "mcp-demo-server")}
    wanted |= {f"./usr/share/man/man1/{name}.1.gz" for name in ("mcp-bridge", "mcp-call", "mcp-demo-server")}
    wanted |= {f"./usr/share/bash-completion/completions/{name}" for name in ("mcp-bridge", "mcp-call")}
    wanted |= {f"./usr/share/zsh/vendor-completions/_{name}" for name in ("mcp-bridge", "mcp-call")}
    wanted |= {f"./usr/share/fish/vendor_completions.d/{name}.fish" for name in ("mcp-bridge", "mcp-call")}
    wanted |= {f"./{CONFIG}", "./lib/systemd/system/mcp-bridge.service",
               "./usr/share/doc/mcp-bridge/copyright", "./usr/share/doc/mcp-bridge/changelog.gz"}
    if wanted - names:
        raise Failure(f"the package lacks {sorted(wanted - names)}")
    if others := [name for name in names if "/include/" in name or name.endswith((".a", ".cmake"))]:
        raise Failure(f"the package has {others}")
    depends = run(["dpkg-deb", "--field", package, "Depends"]).stdout
    for library in ("libgrpc++1.51", "libprotobuf32", "libssl3", "libyaml-cpp0.7", "ca-certificates"):
        if library not in depends:
            raise Failure(f"it doesn't depend on {library}: {depends}")
    if shutil.which("lintian"):
        found = run(["lintian", "--fail-on", "error", "--tag-display-limit", "0", package], seconds=120)
        expect("lintian", found)
    print(f"{package.name}: {package.stat().st_size / 1e6:.1f} MB")


def command_of(unit):
    """The service's own command line, and the home that it gives."""
    text = unit.read_text()
    return (re.search(r"^ExecStart=(.*)$", text, re.M)[1].split(),
            re.search(r"^Environment=HOME=(.*)$", text, re.M)[1])


def use_inside(root):
    """In namespaces of its own: the service as it is installed."""
    bring_loopback_up()
    mount("--make-rprivate", "/")
    command, home = command_of(root / "lib/systemd/system/mcp-bridge.service")
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        tree = work / "root"
        tree.mkdir()
        mount_read_only(root, tree)
        expect("the configuration", run(inside(tree, [*command, "--check_config"], USER)),
               text="1 server")
        bridge = Process("mcp-bridge", inside(tree, command, USER), work / "bridge.log",
                         env={"HOME": home})
        try:
            bridge.wait_for(r"(?m)^ready http=127\.0\.0\.1:4000 grpc=127\.0\.0\.1:50051\b")
            expect("health", run(inside(tree, ["mcp-bridge", "healthcheck"], USER)), text="SERVING")
            text = call_over_http("http://127.0.0.1:4000/mcp/", "echo", {"text": "over HTTP"})
            if text != "over HTTP":
                raise Failure(f"HTTP: {text}")
            call = ["mcp-call", "echo", '{"text":"over gRPC"}']
            expect("gRPC", run(inside(tree, call, USER)), text="over gRPC")
            if (code := bridge.stop()) != 0:
                raise Failure(f"the service ended with {code} after SIGTERM")
        except Failure as failure:
            raise Failure(f"{failure}\n{bridge.output()}") from failure
        finally:
            bridge.kill()
            run(["umount", "--recursive", "--lazy", tree])


def check_package(package, work):
    root = work / "root"
    root.mkdir()
    subprocess.run(["tar", "-C", root, "-xf", BASE], check=True)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    shutil.copy(package, root / "tmp")

    def apt(*arguments):
        expect(f"apt-get {arguments[0]}",
               run(["chroot", root, "apt-get", "-q", "-y", "--no-install-recommends", *arguments],
                   seconds=INSTALL_SECONDS, env={"DEBIAN_FRONTEND": "noninteractive"}))

    apt("update")
    apt("install", f"/tmp/{package.name}")
    run_apart(__file__, "--work", work, "--inside", root)

    # The configuration is the administrator's: it survives a removal as it has become, not a purge.
    config = root / CONFIG
    changed = config.read_text() + "# changed\n"
    config.write_text(changed)
    apt("install", "--reinstall", f"/tmp/{package.name}")
    if config.read_text() != changed:
        raise Failure("an update has overwritten the configuration")
    apt("remove", "mcp-bridge")
    if config.read_text() != changed or (root / "usr/bin/mcp-bridge").exists():
        raise Failure("a removal must leave the configuration, and nothing else")
    apt("purge", "mcp-bridge")
    left = [str(path) for path in root.rglob("*mcp-bridge*") if path != root / "tmp" / package.name]
    left = [path for path in left if not path.startswith(str(root / "var/log"))]
    if left:
        raise Failure(f"left after a purge: {left}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--inside", type=pathlib.Path, help=argparse.SUPPRESS)  # how it calls itself
    args = parser.parse_args()
    if args.inside:
        return use_inside(args.inside)
    need("debootstrap", "unshare", "chroot", "cpack", "dpkg-deb", "dpkg-shlibdeps", "tar")
    expect("scripts/debian-base.sh", run([ROOT / "scripts/debian-base.sh", BASE], INSTALL_SECONDS))
    package = make_package()
    check_contents(package)
    args.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        check_package(package, pathlib.Path(folder))
    print("the package works")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"failed: {failure}")
