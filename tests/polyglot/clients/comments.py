"""`grpcurl describe` explains each service, RPC, message, field, enum and value of mcpbridge.v1 and
of model_context_protocol."""

import re
import subprocess

from support import GRPC, TOOLS, check

OURS = "mcpbridge.v1"
PACKAGES = (OURS, "model_context_protocol")


def grpcurl(*words):
    ended = subprocess.run([f"{TOOLS}/bin/grpcurl", "-plaintext", GRPC, *words], capture_output=True,
                           text=True, timeout=30, check=False)
    check(f"grpcurl {' '.join(words)}", ended.returncode == 0, ended)
    return ended.stdout


def uncommented(text):
    """The declarations in what `grpcurl describe` prints that have no comment above them."""
    bare = []
    above = ""
    for line in map(str.strip, text.splitlines()):
        is_declaration = line.endswith((";", "{", "{}")) and not line.startswith(
            ("//", "option ", "reserved ", "extensions "))
        if is_declaration and not above.startswith("//"):
            bare.append(line)
        above = line
    return bare


def names_in(text):
    """What of the packages `text` names."""
    packages = "|".join(map(re.escape, PACKAGES))
    return set(re.findall(rf"(?<![\w.])\.((?:{packages})\.[\w.]+)", text))


def described():
    """{name: what describe prints} of the packages' services and of all that they are made of."""
    texts = {}
    open_names = {name for name in grpcurl("list").split()
                  if name.startswith(tuple(package + "." for package in PACKAGES))}
    check("services of each package are there",
          {name.rpartition(".")[0] for name in open_names} == set(PACKAGES), open_names)
    while open_names:
        name = open_names.pop()
        texts[name] = grpcurl("describe", name)
        open_names |= names_in(texts[name]) - texts.keys()
    return texts


def without_comment(text, declaration):
    """`text` without the comment above the line `declaration`."""
    lines = text.splitlines()
    at = lines.index(declaration)
    while lines[at - 1].strip().startswith("//"):
        at -= 1
        del lines[at]
    return "\n".join(lines)


texts = described()
check("requests, answers and what they share are described",
      {"model_context_protocol.InputRequest", "model_context_protocol.CallToolRequest"} |
      {f"{OURS}.{name}" for name in ("ToolService", "CallToolRequest", "CallToolStreamResponse",
                                        "Content", "ResultFormat", "Health")} <= texts.keys(),
      sorted(texts))
for name, text in sorted(texts.items()):
    check(f"all of {name} is explained", uncommented(text) == [], uncommented(text))

# That the look at it sees what it is there to see.
request = texts[f"{OURS}.CallToolRequest"]
for line in ("  string name = 2;", "    string arguments_json = 4;", "  oneof args {",
             "message CallToolRequest {"):
    check(f"a missing comment on '{line.strip()}' would be found",
          uncommented(without_comment(request, line)) == [line.strip()])
service = texts[f"{OURS}.ToolService"]
rpc = next(line for line in service.splitlines() if line.strip().startswith("rpc ListServers"))
check("so would one on an RPC", uncommented(without_comment(service, rpc)) == [rpc.strip()])
