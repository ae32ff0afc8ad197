"""The modules of server/ include only what server/CMakeLists.txt lets them depend on."""

import pathlib
import re
import tempfile
import textwrap
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Generated headers by the folders of proto/, and the library that has each (proto/CMakeLists.txt).
PROTO_LIBRARIES = {
    "proto_tools": re.compile(r"mcpbridge/.*\.pb\.h"),
    "proto": re.compile(r"(google/rpc|grpc/health|grpc/reflection|model_context_protocol)/.*\.pb\.h"),
}


class Module:
    def __init__(self, name, sources, depends):
        self.name = name
        self.sources = sources
        self.depends = depends  # names of modules only


def read_modules(text):
    """{name: Module} of a server/CMakeLists.txt; its executable is a module too."""
    text = re.sub(r"#.*", "", text)
    modules = {"proto_tools": Module("proto_tools", [], []),
               "proto": Module("proto", [], ["proto_tools"])}
    for name, body in re.findall(r"mcpbridge_module\((\w+)([^)]*)\)", text):
        words = body.split()
        cut = words.index("DEPENDS") if "DEPENDS" in words else len(words)
        modules[name] = Module(name, words[words.index("SOURCES") + 1:cut],
                               own_targets(words[cut + 1:]))
    for name, sources in re.findall(r"add_executable\((\S+)\s+([^)]*)\)", text):
        links = re.search(r"target_link_libraries\(" + re.escape(name) + r"\s+([^)]*)\)", text)
        modules[name] = Module(name, sources.split(), own_targets(links.group(1).split()))
    return modules


def own_targets(words):
    return [word.split("::")[1] for word in words if word.startswith("mcpbridge::")]


def reachable(modules, name):
    """Every module that `name` depends on, itself included."""
    found, waiting = set(), [name]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += modules[current].depends
    return found


def find_cycles(modules):
    return [f"{name} depends on itself" for name, module in modules.items()
            if any(name in reachable(modules, other) for other in module.depends)]


def find_owners(server, modules):
    """({file: module} for every source and header below `server`, [what is wrong with that]).

    A header belongs to the module whose source has its name; otherwise to the module that has most of
    its folder's sources."""
    owners, problems = {}, []
    by_folder = {}
    for module in modules.values():
        for source in module.sources:
            if not (server / source).is_file():
                problems.append(f"{source}: listed in {module.name}, but not there")
            owners[source] = module.name
            by_folder.setdefault(str(pathlib.PurePath(source).parent), []).append(module.name)
    for path in sorted([*server.rglob("*.cc"), *server.rglob("*.h")]):
        name = str(path.relative_to(server))
        if name in owners:
            continue
        folder = by_folder.get(str(pathlib.PurePath(name).parent))
        if path.suffix == ".cc":
            problems.append(f"{name}: in no module")
        elif twin := owners.get(str(pathlib.PurePath(name).with_suffix(".cc"))):
            owners[name] = twin
        elif folder:
            owners[name] = max(folder, key=folder.count)
        else:
            problems.append(f"{name}: its folder has no module")
    return owners, problems


def find_violations(server):
    """Every breach of the layering below `server`, a sentence each."""
    modules = read_modules((server / "CMakeLists.txt").read_text())
    owners, problems = find_owners(server, modules)
    problems += find_cycles(modules)
    for name, owner in sorted(owners.items()):
        if not (server / name).is_file():
            continue
        allowed = reachable(modules, owner)
        for included in re.findall(r'^\s*#\s*include\s*["<]([^">]+)[">]',
                                   (server / name).read_text(), re.M):
            if included.startswith("server/"):
                target = owners.get(included.removeprefix("server/"))
                if target is None:
                    problems.append(f"{name}: includes {included}, which is in no module")
                    continue
            else:
                target = next((library for library, pattern in PROTO_LIBRARIES.items()
                               if pattern.fullmatch(included)), None)
            if target and target not in allowed:
                problems.append(f"{name}: {owner} includes {included}, but does not depend on {target}")
    return problems


class LayeringTest(unittest.TestCase):
    maxDiff = None

    def test_the_server_keeps_its_layers(self):
        self.assertEqual(find_violations(ROOT / "server"), [])

    def test_the_server_was_read(self):
        modules = read_modules((ROOT / "server/CMakeLists.txt").read_text())
        self.assertGreaterEqual(len(modules), 10)
        self.assertIn("base", reachable(modules, "mcp-bridge"))
        self.assertNotIn("service", reachable(modules, "upstream"))


class PlantedViolationTest(unittest.TestCase):
    """Each kind of breach, planted in a small tree of its own, is found."""

    CMAKE = """
        mcpbridge_module(low SOURCES low/low.cc)
        mcpbridge_module(high SOURCES high/high.cc DEPENDS mcpbridge::low Some::other)
        mcpbridge_module(top SOURCES top/top.cc DEPENDS mcpbridge::high)
        add_executable(program main.cc)
        target_link_libraries(program PRIVATE mcpbridge::top)
    """
    FILES = {
        "low/low.h": "",
        "low/low.cc": '#include "server/low/low.h"\n',
        "high/high.h": '#include "server/low/low.h"\n#include <vector>\n',
        "high/high.cc": '#include "server/high/high.h"\n',
        "top/top.cc": '#include "server/low/low.h"\n',
        "main.cc": '#include "server/high/high.h"\n',
    }

    def check(self, changes=(), cmake=CMAKE):
        with tempfile.TemporaryDirectory() as folder:
            server = pathlib.Path(folder)
            (server / "CMakeLists.txt").write_text(textwrap.dedent(cmake))
            for name, text in {**self.FILES, **dict(changes)}.items():
                (server / name).parent.mkdir(exist_ok=True)
                (server / name).write_text(text)
            return find_violations(server)

    def test_a_clean_tree_passes(self):
        self.assertEqual(self.check(), [])

    def test_an_include_upwards(self):
        self.assertEqual(
            self.check({"low/low.cc": '#include "server/high/high.h"\n'}),
            ["low/low.cc: low includes server/high/high.h, but does not depend on high"])

    def test_a_generated_header_without_the_protos(self):
        self.assertEqual(
            self.check({"high/high.cc": '#include "mcpbridge/v1/tool_service.pb.h"\n'}),
            ["high/high.cc: high includes mcpbridge/v1/tool_service.pb.h, "
             "but does not depend on proto_tools"])

    def test_a_cycle(self):
        cmake = self.CMAKE.replace("low/low.cc)", "low/low.cc DEPENDS mcpbridge::top)")
        self.assertEqual(self.check(cmake=cmake), [f"{name} depends on itself"
                                                   for name in ("low", "high", "top")])

    def test_a_source_in_no_module(self):
        self.assertEqual(self.check({"low/lost.cc": ""}), ["low/lost.cc: in no module"])


if __name__ == "__main__":
    unittest.main()
