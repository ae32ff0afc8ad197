"""What becomes of runs: medians, targets, tables and plots."""

import pathlib
import sys
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import flame  # noqa: E402
import load as loads  # noqa: E402
import report  # noqa: E402
import svg  # noqa: E402
import targets  # noqa: E402
from results import Results  # noqa: E402


def a_run(connections=64, **more):
    return {"connections": connections, "calls_per_s": 100.0, "p50_us": 1.0, "p90_us": 2.0,
            "p99_us": 3.0, "p999_us": 4.0, "errors": 0, "unanswered": 0, "never_begun": 0,
            "gateway_cpu_us_per_call": 10.0, "gateway_cores": 0.5, "load_cores": 0.5,
            "other_cores": 0.5, "foreign_cores": 0.0, "upstream_per_call": 1.0,
            "idle_kib": 1024, "peak_kib": 2048, **more}


def results_of(**systems):
    """Each system's throughput at 64 callers."""
    results = Results()
    for system, rates in systems.items():
        for rate in rates:
            results.add("throughput", system.replace("_", "-"), loads.Load(),
                        a_run(calls_per_s=rate))
    return results


class ResultsTest(unittest.TestCase):
    def test_medians_leave_out_disturbed_runs_while_there_are_others(self):
        results = results_of(nginx=[1, 2, 3])
        results.add("throughput", "nginx", loads.Load(), a_run(calls_per_s=999, foreign_cores=0.5))
        self.assertEqual(results.median("calls_per_s", "throughput", "nginx", 64), 2)
        self.assertFalse(results.disturbed("throughput", "nginx", 64))

    def test_where_all_are_disturbed_all_count(self):
        results = Results()
        results.add("throughput", "nginx", loads.Load(), a_run(calls_per_s=7, foreign_cores=0.5))
        self.assertEqual(results.median("calls_per_s", "throughput", "nginx", 64), 7)
        self.assertTrue(results.disturbed("throughput", "nginx", 64))

    def test_what_was_not_measured_is_none(self):
        self.assertIsNone(Results().median("calls_per_s", "throughput", "nginx", 64))

    def test_asking_for_the_counters_does_not_count(self):
        before = {"requests": {"tools/call": 5, "initialize": 1}}
        after = {"requests": {"tools/call": 16, "initialize": 1}}
        self.assertEqual(loads.requests_between(before, after, own=1), {"tools/call": 10})


class TargetsTest(unittest.TestCase):
    def row(self, results, what):
        return next(row for row in targets.table(results) if row.what.startswith(what))

    def test_met_and_missed(self):
        what = "HTTP->HTTP throughput"
        self.assertTrue(self.row(results_of(http_http=[95], nginx=[100]), what).met)
        self.assertFalse(self.row(results_of(http_http=[94], nginx=[100]), what).met)
        self.assertIsNone(self.row(results_of(http_http=[94]), what).met)

    def test_nothing_measured_misses_nothing(self):
        self.assertEqual({row.met for row in targets.table(Results())}, {None})

    def test_a_burst_with_errors_misses(self):
        results = Results()
        results.figures["sleep-http"] = {"calls": 8_000, "errors": 3, "seconds": 1.5,
                                         "kib_per_call": 3.0}
        self.assertFalse(self.row(results, "8,000 calls of sleep{1000} in flight over HTTP: all").met)

    def test_a_scenario_on_a_smaller_scale_says_nothing(self):
        results = Results()
        results.figures["sleep-http"] = {"calls": 80, "errors": 0, "seconds": 1.5, "kib_per_call": 3}
        self.assertIsNone(self.row(results, "8,000 calls of sleep{1000} in flight over HTTP: all").met)


class ReportTest(unittest.TestCase):
    def test_the_markdown_has_a_row_for_each_system(self):
        text = report.markdown(results_of(direct=[300], nginx=[100], http_http=[95]),
                               {"line": "today"})
        self.assertIn("| HTTP->HTTP throughput, 64 callers, against nginx | at least 0.95 | 0.95 | met |",
                      text)
        self.assertIn("| `nginx` | 100 |", text)
        self.assertRegex(text, r"\| `direct` \| 300 \|.*\| - \| - \| - \|")

    def test_the_plots_are_svg(self):
        for name, plot in report.plots(results_of(direct=[300], http_http=[95])).items():
            with self.subTest(plot=name):
                self.assertTrue(xml.etree.ElementTree.fromstring(plot).tag.endswith("svg"))

    def test_names_are_escaped(self):
        xml.etree.ElementTree.fromstring(svg.bars("a < b & c", [("<x>", 1)]))


class FlameTest(unittest.TestCase):
    SCRIPT = ("lane/0 \n\t  55 inner(int)\n\t  77 outer()\n\n"
              "lane/0 \n\t  55 inner(int)\n\t  77 outer()\n\n"
              "lane/0 \n\t  99 a::b<c>\n\t  77 outer()\n")

    def test_stacks_are_folded_from_the_outside(self):
        self.assertEqual(flame.fold(self.SCRIPT), {("lane", "outer", "inner"): 2,
                                                   ("lane", "outer", "a::b<c>"): 1})

    def test_it_is_svg_and_says_shares(self):
        plot = flame.svg("a & b", flame.fold(self.SCRIPT))
        xml.etree.ElementTree.fromstring(plot)
        self.assertIn("inner: 66.7 %", plot)

    def test_functions_by_samples(self):
        self.assertEqual(flame.self_times(flame.fold(self.SCRIPT), 1), [(2 / 3, "inner")])


if __name__ == "__main__":
    unittest.main()
