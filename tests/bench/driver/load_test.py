"""The load generators tell the truth: load_test.py BIN."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import lab as labs  # noqa: E402
import systems  # noqa: E402

BIN = None


class LoadTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.lab = labs.Lab(BIN, cls.folder.name)
        cls.upstream = systems.start_upstream(cls.lab)
        cls.echo = systems.grpc_echo(cls.lab, None).target

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()
        cls.folder.cleanup()

    def load(self, *flags, target=None, program="bench-load"):
        done = subprocess.run([self.lab.program(program), f"--target={target or self.upstream.address}",
                               "--seconds=0.5", "--warmup=0", *flags],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_right_answers_count(self):
        before = self.upstream.stats()["requests"]["tools/call"]
        result = self.load("--connections=4")
        self.assertGreater(result["calls"], 0)
        self.assertEqual((result["errors"], result["unanswered"]), (0, 0))
        self.assertEqual(self.upstream.stats()["requests"]["tools/call"] - before, result["begun"])

    def test_wrong_answers_are_errors(self):
        result = self.load("--tools=fail")
        self.assertEqual(result["calls"], 0)
        self.assertGreater(result["errors"], 0)
        self.assertIn("failed as asked", result["example_error"])

    def test_results_have_the_size_that_was_asked_for(self):
        result = self.load("--work=bytes", "--size=10240")
        self.assertGreater(result["calls"], 0)
        self.assertEqual(result["errors"], 0)

    def test_at_a_fixed_rate_calls_that_had_to_wait_are_charged_for_it(self):
        """One caller, whose calls take 50 ms, and 100 calls due per second: the last one that is
        answered was due long before it began."""
        flags = ("--work=sleep", "--sleep_ms=50")
        closed = self.load(*flags)
        self.assertLess(closed["p50_us"], 150_000)
        paced = self.load(*flags, "--rate=100")
        self.assertGreater(paced["max_us"], 200_000)
        self.assertGreater(paced["never_begun"], 0)

    def test_a_fixed_rate_is_kept_where_callers_are_free(self):
        for mode, target in (("http", None), ("grpc", self.echo)):
            with self.subTest(mode=mode):
                result = self.load(f"--mode={mode}", "--rate=200", "--connections=64", target=target)
                self.assertLessEqual(abs(result["begun"] + result["never_begun"] - 100), 1)
                self.assertEqual(result["errors"], 0)

    def test_once_is_once(self):
        result = self.load("--work=sleep", "--sleep_ms=100", "--once", "--connections=50")
        self.assertEqual((result["begun"], result["calls"]), (50, 50))
        self.assertGreaterEqual(result["p50_us"], 100_000)

    def test_both_clients_of_grpc_check_answers(self):
        for mode in ("grpc", "h2"):
            with self.subTest(mode=mode):
                right = self.load(f"--mode={mode}", "--connections=8", target=self.echo)
                self.assertGreater(right["calls"], 0)
                self.assertEqual((right["errors"], right["unanswered"]), (0, 0))
                wrong = self.load(f"--mode={mode}", "--work=bytes", target=self.echo)
                self.assertEqual(wrong["calls"], 0)
                self.assertGreater(wrong["errors"], 0)

    def test_a_pipe_brings_lines_back(self):
        server = f"--server={self.lab.program('mcp-demo-server')}"
        for flags in ((), ("--batch",), (server,)):
            with self.subTest(flags=flags):
                done = subprocess.run([self.lab.program("bench-pipe"), "--seconds=0.2", "--warmup=0",
                                       *flags], capture_output=True, text=True, timeout=60)
                result = json.loads(done.stdout)
                self.assertGreater(result["calls"], 0)
                self.assertEqual(result["errors"], 0)

    def test_cancels_are_noticed(self):
        done = subprocess.run(
            [self.lab.program("bench-cancel"), f"--target={self.upstream.address}",
             f"--upstream={self.upstream.address}", "--seconds=0.3"],
            capture_output=True, text=True, timeout=60)
        result = json.loads(done.stdout)
        self.assertGreaterEqual(result["cancelled"], 64)
        self.assertEqual((result["never_noticed"], result["failures"]), (0, 0))
        self.assertGreater(result["p50_us"], 0)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
