#!/usr/bin/env python3
"""The manual pages and the completions have the programs' flags, all of them and no others, and the
systemd unit is valid and stays hardened.

    papers_test.py --programs DIR
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
PROGRAMS = ("mcp-bridge", "mcp-call", "mcp-demo-server")
# In tenths, as systemd-analyze has it: 0 is no exposure, 100 is all.
MOST_EXPOSURE = 20
BEYOND_GRACE = 15  # kBeyondGrace of main.cc

parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
parser.add_argument("--programs", required=True, type=pathlib.Path)
args, rest = parser.parse_known_args()


def help_of(program):
    return subprocess.run([args.programs / program, "--help"], capture_output=True, text=True,
                          timeout=30, check=False).stdout


def flags_of(program):
    """Those of its --help, and --help and --version themselves."""
    text = help_of(program)
    # mcp-call writes its help itself; the others' is made of their flags.
    flags = (re.findall(r"--(\w+)", text) if program == "mcp-call" else
             re.findall(r"^    --(\w+) \(", text, re.M))
    assert len(set(flags)) > 4, text
    return set(flags) | {"help", "version"}


def options_of(page):
    """What its OPTIONS has a paragraph for."""
    section = page.partition(".SH OPTIONS\n")[2].partition("\n.SH ")[0]
    return re.findall(r'^\.TP\n\.BI? "?\\-\\-(\w+)', section, re.M)


class ManualTest(unittest.TestCase):
    def pages(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                yield program, (PACKAGING / "man" / f"{program}.1").read_text()

    def test_options_are_the_flags(self):
        for program, page in self.pages():
            options = options_of(page)
            self.assertEqual(len(options), len(set(options)))
            self.assertEqual(set(options), flags_of(program))

    def test_nothing_else_is_mentioned(self):
        for program, page in self.pages():
            mentioned = set(re.findall(r"\\-\\-(\w+)", page)) - {"nosessions"}
            self.assertLessEqual(mentioned, flags_of(program))

    def test_exit_codes_are_those_of_the_help(self):
        for program in ("mcp-call",):
            page = (PACKAGING / "man" / f"{program}.1").read_text()
            section = page.partition(".SH EXIT STATUS\n")[2].partition("\n.SH ")[0]
            codes = re.findall(r"\d+", " ".join(re.findall(r"^\.BR? .*$", section, re.M)))
            said = help_of(program).partition("Exit codes:\n")[2]
            self.assertEqual(codes, re.findall(r"\d+", " ".join(re.findall(r"^  [\d, ]+", said, re.M))))

    @unittest.skipUnless(shutil.which("man"), "no man here")
    def test_they_are_well_formed(self):
        for program, _ in self.pages():
            done = subprocess.run(
                ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", PACKAGING / "man" / f"{program}.1"],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_flag_that_is_missing_is_seen(self):
        page = (PACKAGING / "man/mcp-bridge.1").read_text()
        self.assertNotIn("log_level", options_of(page.replace("\\-\\-log_level=", "\\-\\-loglevel=")))


class CompletionTest(unittest.TestCase):
    FLAG = {"mcp-bridge.bash": r"(?<=[\s])--(\w+)(?=[\s'])", "_mcp-bridge": r"'--(\w+)",
            "mcp-bridge.fish": r" -l (\w+)"}

    def test_flags(self):
        for name, pattern in self.FLAG.items():
            with self.subTest(name=name):
                text = (PACKAGING / "completions" / name).read_text()
                self.assertEqual(set(re.findall(pattern, text)), flags_of("mcp-bridge"))
                self.assertIn("healthcheck", text)

    def complete(self, *words):
        """What bash would offer for the last word."""
        script = f"""
            source {PACKAGING}/completions/mcp-bridge.bash
            compopt() {{ COMPREPLY=(files); }}
            COMP_WORDS=({' '.join(repr(word) for word in words)})
            COMP_CWORD={len(words) - 1}
            _mcp_bridge; echo "${{COMPREPLY[*]}}" """
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True,
                              check=True).stdout.split()

    def test_bash(self):
        self.assertEqual(self.complete("mcp-bridge", "he"), ["healthcheck"])
        self.assertEqual(self.complete("mcp-bridge", "--http"), ["--http_listen"])
        self.assertEqual(self.complete("mcp-bridge", "--log_level", "=", "w"), ["warn"])
        self.assertEqual(self.complete("mcp-bridge", "--log_level", "w"), ["warn"])
        self.assertEqual(self.complete("mcp-bridge", "--config", "="), ["files"])
        self.assertEqual(self.complete("mcp-bridge", "--timeout", "="), [])


@unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
class UnitTest(unittest.TestCase):
    UNIT = PACKAGING / "mcp-bridge.service"

    def analyze(self, *arguments, text=None):
        """Its exit code and what it says, for the unit with a program that is there."""
        text = (text or self.UNIT.read_text()).replace("/usr/bin/mcp-bridge",
                                                       str((args.programs / "mcp-bridge").resolve()))
        with tempfile.TemporaryDirectory() as folder:
            unit = pathlib.Path(folder) / "mcp-bridge.service"
            unit.write_text(text)
            done = subprocess.run(["systemd-analyze", "--no-pager", *arguments, unit],
                                  capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_it_is_valid(self):
        self.assertEqual(self.analyze("verify", "--man=no"), (0, ""))
        wrong = self.UNIT.read_text().replace("ProtectHome=yes", "ProtectHom=yes")
        self.assertIn("ProtectHom", self.analyze("verify", "--man=no", text=wrong)[1])

    def test_it_is_hardened(self):
        command = ("security", "--offline=true", f"--threshold={MOST_EXPOSURE}")
        code, text = self.analyze(*command)
        self.assertEqual(code, 0, text)
        lax = re.sub(r"^(Protect|Restrict|SystemCall|Capability|Private).*$", "",
                     self.UNIT.read_text(), flags=re.M)
        self.assertNotEqual(self.analyze(*command, text=lax)[0], 0)

    def test_it_leaves_time_to_stop(self):
        grace = re.search(r"drain_grace: (\d+)s", (ROOT / "examples/full.yaml").read_text())[1]
        stop = re.search(r"^TimeoutStopSec=(\d+)$", self.UNIT.read_text(), re.M)[1]
        self.assertGreater(int(stop), int(grace) + BEYOND_GRACE)


if __name__ == "__main__":
    unittest.main(argv=[__file__, *rest])
