"""mcp-call --retries, to a server that is not there yet."""

import os
import pathlib
import signal
import subprocess
import time

from support import GRPC, check, wait_until

COMMAND = [os.environ["MCP_CALL"], "--address", GRPC, "--server", "late"]
CALL = ["echo", '{"text":"hello"}']
log = pathlib.Path(os.environ["WORK"]) / "retries.log"

ended = subprocess.run([*COMMAND, *CALL], capture_output=True, text=True, timeout=30, check=False)
check("without --retries the first failure is the end", ended.returncode == 5 and
      "UPSTREAM_UNAVAILABLE" in ended.stderr and "calling again" not in ended.stderr, ended)
start = time.monotonic()
ended = subprocess.run([*COMMAND, "--retries", "100", "--timeout", "1s", *CALL],
                       capture_output=True, text=True, timeout=30, check=False)
check("the timeout holds for all of it", ended.returncode in (4, 5) and
      time.monotonic() - start < 3, ended)
ended = subprocess.run([*COMMAND, "--retries", "1000", *CALL], capture_output=True, text=True,
                       timeout=30, check=False)
check("there is a bound on their number", ended.returncode == 2, ended)


def begin():
    """A call that waits to be made again."""
    call = subprocess.Popen([*COMMAND, "--retries", "50", *CALL], stdout=subprocess.PIPE,
                            stderr=log.open("w"), text=True)
    wait_until("the call is going to be made again", lambda: "calling again in" in log.read_text())
    return call


call = begin()
call.send_signal(signal.SIGINT)
check("Ctrl-C ends the waiting", call.wait(10) == 130, log.read_text())

call = begin()
with subprocess.Popen([os.environ["DEMO"], "--port", os.environ["LATE_PORT"]],
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
    output, _ = call.communicate(timeout=50)
    check("and succeeds once the server is there", (call.returncode, output) == (0, "hello\n"),
          (call.returncode, output, log.read_text()))
    server.terminate()
