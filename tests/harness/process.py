"""Processes that tests start and stop. Standard library only."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

START_SECONDS = 30  # from a process's start to its being ready
STOP_SECONDS = 15  # from SIGTERM to its end


class Failure(Exception):
    """What makes a test fail, in a sentence."""


class Process:
    """A process of the test's own, in a group of its own, its output in the file `log`.

    `session`: it has a session of its own too, which is what the kernel's autogroups go by: it gets
    its share of the CPUs beside other processes, however many threads they have.
    """

    def __init__(self, name, command, log, env=None, session=True):
        self.name, self.log = name, log
        with log.open("w") as output:
            self.popen = subprocess.Popen([str(word) for word in command], stdout=output,
                                          stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                                          start_new_session=session,
                                          process_group=None if session else 0,
                                          env={**os.environ, **(env or {})})

    def wait_for(self, pattern):
        """The match of `pattern` in what it has written, as soon as it is there."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if match := re.search(pattern, self.output()):
                return match
            if self.popen.poll() is not None:
                raise Failure(f"{self.name} ended with {self.popen.returncode} before it was ready")
            time.sleep(0.01)
        raise Failure(f"{self.name} was not ready within {START_SECONDS} s")

    def output(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        """Its exit code after SIGTERM, or None where it had to be killed."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        code = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.popen.wait(STOP_SECONDS)
        self.kill()
        return code

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def descendants(self):
        """{pid: start time} of all processes below it."""
        parents = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    fields = stat_fields(entry.name)
                    parents[int(entry.name)] = (int(fields[1]), fields[19])
        found = {self.popen.pid}
        while True:
            more = {pid for pid, (parent, _) in parents.items() if parent in found} - found
            if not more:
                return {pid: parents[pid][1] for pid in found - {self.popen.pid}}
            found |= more


def stat_fields(pid):
    """What /proc says of a process, from its state on."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def is_alive(pid, start_time):
    """Whether the process that began then still runs."""
    try:
        fields = stat_fields(pid)
    except OSError:
        return False
    return fields[19] == start_time and fields[0] != "Z"


def end_of_bridge(process):
    """Stops the bridge and returns what went wrong with that, in sentences."""
    children = process.descendants()
    ended = process.popen.poll()
    code = process.stop()
    problems = []
    if ended is not None:
        problems.append(f"the bridge had ended before, with {ended}")
    elif code != 0:
        problems.append(f"the bridge ended with {code}" if code is not None else
                        f"the bridge did not end within {STOP_SECONDS} s of SIGTERM")
    for pid, start_time in children.items():
        if is_alive(pid, start_time):
            problems.append(f"the bridge left a process behind: {pid}")
            os.kill(pid, signal.SIGKILL)
    return problems
