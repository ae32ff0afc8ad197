#!/usr/bin/env python3
"""Installs the build into an empty folder, builds a program outside of the tree against what is there,
and runs it: with nobody to call, and through the installed bridge.

    consumer_test.py --build DIR --demo FILE
"""

import argparse
import contextlib
import json
import pathlib
import re
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
START_SECONDS = 30


def run(*command, seconds=200):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=seconds)
    assert done.returncode == 0, (command, done.stdout, done.stderr)


@contextlib.contextmanager
def started(work, name, pattern, *command):
    """A process, once what it has written matches `pattern`; gives the match."""
    log = work / f"{name}.log"
    with log.open("w") as out:
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=out)
    try:
        end = time.monotonic() + START_SECONDS
        while not (match := re.search(pattern, log.read_text(), re.M)):
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.01)
        yield match
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--demo", required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="consumer-") as folder:
        work = pathlib.Path(folder)
        prefix = work / "prefix"
        run("cmake", "--install", args.build, "--prefix", prefix)
        run("cmake", "-S", HERE / "consumer", "-B", work / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
        run("cmake", "--build", work / "build")
        consumer = work / "build" / "consumer"
        alone = subprocess.run([consumer], capture_output=True, text=True, timeout=30)
        assert alone.returncode == 3, alone
        with started(work, "demo", r"listening on (http://\S+)", args.demo, "--port", "0") as demo:
            config = work / "bridge.yaml"
            config.write_text(json.dumps({
                "mcp_servers": {"demo": {"url": demo[1]}},
                "bridge": {"http_listen": "127.0.0.1:0", "grpc_listen": "127.0.0.1:0",
                           "admin_listen": "off"}}))
            with started(work, "bridge", r"^ready http=\S+ grpc=(\S+)$",
                         prefix / "bin" / "mcp-bridge", f"--config={config}") as bridge:
                called = subprocess.run([consumer, bridge[1]], capture_output=True, text=True,
                                        timeout=30)
        assert (called.returncode, called.stdout) == (0, "hi\n"), called
        print("the installed library and bridge work outside of the tree")


if __name__ == "__main__":
    main()
