"""The papers tell the truth about the tree: links lead somewhere, named files and scripts exist."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAPERS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

# A path of ours in backquotes or in a command: what begins with a top-level folder.
OWN_PATH = re.compile(
    r"(?<![\w./-])((?:scripts|examples|docs|docker|deploy|packaging|proto|server|client|tests|cmake)/[\w./-]*\w)")


def anchor_of(heading):
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def anchors_of(path):
    return {anchor_of(heading) for heading in re.findall(r"^#+ (.*)$", path.read_text(), re.M)}


def dead_links(paper, text):
    """Links of `text`, standing in `paper`, that lead nowhere within the project."""
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (paper.parent / name).resolve() if name else paper
        if not path.exists() or (anchor and anchor not in anchors_of(path)):
            dead.append(target)
    return dead


def missing_paths(text):
    """Paths that `text` names and that aren't there."""
    text = re.sub(r"\]\([^)]*\)", "]", text)  # links are relative to their paper: see dead_links
    return sorted({path for path in OWN_PATH.findall(text) if not (ROOT / path).exists()})


class PapersTest(unittest.TestCase):
    def test_the_papers_are_there(self):
        names = {str(paper.relative_to(ROOT)) for paper in PAPERS}
        self.assertLessEqual({"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md",
                              "docs/errors.md", "docs/configuration.md"}, names)

    def test_links_lead_somewhere(self):
        for paper in PAPERS:
            with self.subTest(paper=str(paper.relative_to(ROOT))):
                self.assertEqual(dead_links(paper, paper.read_text()), [])

    def test_named_files_exist(self):
        for paper in PAPERS:
            with self.subTest(paper=str(paper.relative_to(ROOT))):
                self.assertEqual(missing_paths(paper.read_text()), [])

    def test_what_is_wrong_is_found(self):
        readme = ROOT / "README.md"
        self.assertEqual(dead_links(readme, "[a](docs/nowhere.md) [b](docs/errors.md#nothing) "
                                            "[c](https://example.com/x) [d](docs/errors.md)"),
                         ["docs/nowhere.md", "docs/errors.md#nothing"])
        self.assertEqual(missing_paths("run `scripts/nothing.sh --now`, not scripts/test.sh."),
                         ["scripts/nothing.sh"])


if __name__ == "__main__":
    unittest.main()
