"""docs/errors.md has the rows of server/base/error.cc, in the order of the enum in error.h, and
docs/troubleshooting.md a section for each."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# https://grpc.io/docs/guides/status-codes/
GRPC_CODES = [
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
]


def rows_of_source(text):
    """{enumerator: (name, gRPC status, HTTP status, JSON-RPC code, retryable)} of error.cc."""
    constants = {name: int(value) for name, value in
                 re.findall(r"constexpr int (k\w+) = (-?\d+);", text)}
    rows = {}
    for reason, arguments in re.findall(r"case Reason::(k\w+):\s*ROW\(([^)]*)\)", text):
        name, grpc, http, rpc, retry = (part.strip() for part in arguments.split(","))
        rows[reason] = (name.strip('"'), GRPC_CODES[constants[grpc]], int(http), constants[rpc],
                        {"true": "yes", "false": "no"}[retry])
    return rows


def enumerators(text):
    """The enumerators of `enum class Reason` in error.h, in order."""
    body = re.search(r"enum class Reason \{(.*?)\};", text, re.S).group(1)
    return re.findall(r"^\s*(k\w+),", re.sub(r"//.*", "", body), re.M)


def rows_of_doc(text):
    """The same tuples, in the order of the table in errors.md; each row must say when."""
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not re.fullmatch(r"`[A-Z_]+`", cells[0]):
            continue
        name, grpc, http, rpc, retry, when = cells
        assert when.endswith("."), f"{name}: the last column is not a sentence"
        rows.append((name.strip("`"), grpc, int(http), int(rpc), retry))
    return rows


def sections_of(text):
    """{reason: what is said of it} of troubleshooting.md, in its order."""
    return dict(re.findall(r"^### `([A-Z_]+)`\n\n(.*?)(?=\n#|\Z)", text, re.M | re.S))


class ErrorsDocTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.source = rows_of_source((ROOT / "server/base/error.cc").read_text())
        self.reasons = enumerators((ROOT / "server/base/error.h").read_text())
        self.doc = (ROOT / "docs/errors.md").read_text()

    def test_every_reason_has_a_row_in_the_source(self):
        self.assertGreater(len(self.reasons), 20)
        self.assertEqual(self.reasons, list(self.source))

    def test_the_document_is_the_same_table(self):
        self.assertEqual([self.source[reason] for reason in self.reasons], rows_of_doc(self.doc))

    def test_every_reason_has_its_section(self):
        sections = sections_of((ROOT / "docs/troubleshooting.md").read_text())
        self.assertEqual([self.source[reason][0] for reason in self.reasons], list(sections))
        self.assertEqual([name for name, text in sections.items() if len(text) < 40], [])

    def test_a_difference_is_seen(self):
        changed = self.doc.replace("| 413 |", "| 400 |")
        self.assertNotEqual(list(self.source.values()), rows_of_doc(changed))
        shorter = self.doc.replace("| `CANCELLED`", "| CANCELLED")
        self.assertNotEqual(list(self.source.values()), rows_of_doc(shorter))


if __name__ == "__main__":
    unittest.main()
