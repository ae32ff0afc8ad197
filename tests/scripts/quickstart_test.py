"""scripts/quickstart.sh in a sandbox: stand-ins for the three programs, none of them built."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

DEMO = """
import signal, sys
print("ready", flush=True)
signal.pause()
"""

# Serves POST /mcp/ on a free port; MODE is replaced by what goes wrong.
BRIDGE = """
import http.server, json, os, pathlib, signal, sys
if "MODE" == "port in use":
    print("listen 127.0.0.1:4000: address already in use", file=sys.stderr)
    sys.exit(1)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        query = request["params"]["arguments"]["query"]
        bad = "MODE" == "http error" and query == "test 2"
        answer = json.dumps({"jsonrpc": "2.0", "id": request["id"],
                             "result": {"content": [{"type": "text", "text": query}]}})
        self.send_response(503 if bad else 200)
        self.end_headers()
        self.wfile.write(answer.encode())
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
def stop(*_):
    pathlib.Path("stopped").write_text("bridge\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
pathlib.Path("pid").write_text(str(os.getpid()))
print(f"ready http=127.0.0.1:{server.server_port} grpc=127.0.0.1:1 admin=127.0.0.1:2", flush=True)
server.serve_forever()
"""

CALL = """
import sys
if "MODE" == "grpc error" and "test 3" in sys.argv[-1]:
    print("UNAVAILABLE: UPSTREAM_UNAVAILABLE", file=sys.stderr)
    sys.exit(1)
print('{"content":[{"type":"text","text":"%s"}]}' % sys.argv[-1][10:16])
"""


class QuickstartTest(unittest.TestCase):
    def sandbox(self, mode):
        """A tree with quickstart.sh and stand-ins; removed with the test."""
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        tree = pathlib.Path(holder.name)
        scripts = tree / "scripts"
        programs = tree / "build/release/bin"
        scripts.mkdir()
        programs.mkdir(parents=True)
        (scripts / "quickstart.sh").write_text((ROOT / "scripts/quickstart.sh").read_text())
        for name in ("install-deps.sh", "build.sh"):
            self.executable(scripts / name, "#!/bin/sh\n")
        for name, text in (("mcp-demo-server", DEMO), ("mcp-bridge", BRIDGE), ("mcp-call", CALL)):
            body = textwrap.dedent(text).replace("MODE", mode)
            self.executable(programs / name, f"#!{sys.executable}\n{body}")
        return tree

    @staticmethod
    def executable(path, text):
        path.write_text(text)
        path.chmod(0o755)

    def start(self, mode, *arguments):
        self.tree = self.sandbox(mode)
        process = subprocess.Popen(
            ["bash", "scripts/quickstart.sh", *arguments],
            cwd=self.tree, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        """Leaves nothing running, also where the test failed."""
        if process.poll() is None:
            process.kill()
        process.communicate()

    def finish(self, process):
        output, errors = process.communicate(timeout=60)
        self.assertEqual(self.leftovers(), [], "programs left behind")
        return process.returncode, output, errors

    def leftovers(self):
        """Command lines of processes that run one of the sandbox's programs."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = entry.read_bytes().decode(errors="replace").split("\0")
                working = os.readlink(entry.parent / "cwd")
            except OSError:
                continue
            if working == str(self.tree):
                found.append(line)
        return found

    def test_six_calls_then_stops(self):
        status, output, errors = self.finish(self.start("fine", "--once"))
        self.assertEqual((status, errors), (0, ""))
        for i in (1, 2, 3):
            self.assertRegex(output, rf"HTTP call {i}: HTTP 200 in \d\.\d+s .*test {i}")
            self.assertRegex(output, rf"gRPC call {i}: OK +in \d\.\d+s .*test {i}")
        self.assertTrue((self.tree / "stopped").exists(), "the bridge was not asked to stop")

    def test_a_failed_http_call_fails_it(self):
        status, output, _ = self.finish(self.start("http error", "--once"))
        self.assertEqual(status, 1)
        self.assertIn("HTTP call 2: HTTP 503", output)
        self.assertIn("HTTP call 3: HTTP 200", output)

    def test_a_failed_grpc_call_fails_it(self):
        status, output, _ = self.finish(self.start("grpc error", "--once"))
        self.assertEqual(status, 1)
        self.assertRegex(output, r"gRPC call 3: FAILED .*UPSTREAM_UNAVAILABLE")

    def test_shows_why_the_bridge_did_not_start(self):
        status, _, errors = self.finish(self.start("port in use", "--once"))
        self.assertEqual(status, 1)
        self.assertIn("mcp-bridge --config=examples/quickstart.yaml: didn't start:", errors)
        self.assertIn("address already in use", errors)

    def test_serves_until_interrupted(self):
        process = self.start("fine")
        self.read_until(process, "Serving until Ctrl-C")
        os.killpg(process.pid, signal.SIGINT)
        status, output, errors = self.finish(process)
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("Stopping", output)

    def test_terminates_in_good_order(self):
        process = self.start("fine")
        self.read_until(process, "Serving until Ctrl-C")
        process.terminate()
        status, _, _ = self.finish(process)
        self.assertEqual(status, 143)
        self.assertTrue((self.tree / "stopped").exists(), "the bridge was not asked to stop")

    def test_says_so_when_a_program_dies(self):
        process = self.start("fine")
        self.read_until(process, "Serving until Ctrl-C")
        os.kill(int((self.tree / "pid").read_text()), signal.SIGKILL)
        status, _, errors = self.finish(process)
        self.assertEqual(status, 1)
        self.assertIn("ended by itself (status 137)", errors)

    def test_refuses_unknown_arguments(self):
        status, _, errors = self.finish(self.start("fine", "--twice"))
        self.assertEqual(status, 2)
        self.assertIn("scripts/quickstart.sh --once", errors)

    def read_until(self, process, text):
        for line in process.stdout:
            if text in line:
                return
        self.fail(f"it ended without saying {text!r}: {process.stderr.read()}")


if __name__ == "__main__":
    unittest.main()
