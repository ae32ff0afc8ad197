"""Programs inside of a root file system of their own, with a network of their own, as a container's
runtime would start them. Needs root. Standard library and util-linux only."""

import fcntl
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.request

from process import Failure

SKIPPED = 77
COMMAND_SECONDS = 30


def need(*tools):
    """Ends the test as skipped, with CI=true as failed, where a tool or root is missing."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if os.geteuid() != 0:
        missing.append("root")
    if missing:
        print(f"needs {', '.join(missing)}: scripts/install-deps.sh --test")
        sys.exit(1 if os.environ.get("CI") == "true" else SKIPPED)


def run_apart(script, *arguments, seconds=240):
    """Runs a Python file in mount and network namespaces that end with it; fails as it does."""
    command = ["unshare", "--mount", "--net", sys.executable, "-B", script, *arguments]
    done = subprocess.run([str(word) for word in command], timeout=seconds, check=False)
    if done.returncode:
        raise Failure(f"{pathlib.Path(script).name} ended with {done.returncode}: see above")


def bring_loopback_up():
    """A new network namespace has it, but down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 1)  # struct ifreq with IFF_UP
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS


def mount(*arguments):
    subprocess.run(["mount", *[str(word) for word in arguments]], check=True)


def mount_read_only(tree, empty, mounts=()):
    """Mounts `tree` at the folder `empty`, read-only, with /proc, /dev and [(what, where)] in it."""
    for _, where in mounts:
        (tree / where.lstrip("/")).mkdir(parents=True, exist_ok=True)  # as a runtime does
    mount("--bind", tree, empty)
    mount("-t", "proc", "proc", empty / "proc")
    mount("--rbind", "/dev", empty / "dev")
    for what, where in mounts:
        mount("--bind", "-o", "ro", what, empty / where.lstrip("/"))
    mount("-o", "remount,bind,ro", empty)


def inside(root, command, user):
    """The command that runs `command` in `root` as that user's number, without any privilege."""
    return ["chroot", root, "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
            "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", *command]


def run(command, seconds=COMMAND_SECONDS, env=None):
    """A finished process, with its output."""
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=seconds, env={**os.environ, **(env or {})}, check=False)


def expect(what, done, code=0, text=""):
    """Fails unless a process has ended with this code and has said this."""
    if done.returncode != code or text not in done.stdout + done.stderr:
        raise Failure(f"{what}: ended with {done.returncode} instead of {code}, or did not say "
                      f"{text!r}:\n{done.stdout}{done.stderr}")


def call_over_http(url, tool, arguments, key=None):
    """The text of a tool's answer."""
    request = urllib.request.Request(
        url, method="POST",
        data=json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                         "params": {"name": tool, "arguments": arguments}}).encode(),
        headers={"Content-Type": "application/json",
                 "Accept": "application/json, text/event-stream",
                 **({"Authorization": f"Bearer {key}"} if key else {})})
    with urllib.request.urlopen(request, timeout=COMMAND_SECONDS) as answer:
        body = json.loads(answer.read())
    return body["result"]["content"][0]["text"]


def wait_until(what, true, seconds=COMMAND_SECONDS):
    """Polls what has no event of its own."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def capabilities_of(pid):
    """(uid, effective capabilities, whether it may gain privileges) of a process."""
    status = dict(line.split(":\t", 1) for line in
                  pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    return int(status["Uid"].split()[0]), int(status["CapEff"], 16), status["NoNewPrivs"] == "0"
