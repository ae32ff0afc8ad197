#!/usr/bin/env bash
# Installs MCP's conformance suite, and the MCP servers and the client that it is run with.
#
#   tests/conformance/setup.sh DIR
#
# Everything goes into DIR, in fixed versions, from the registries that npm and pip are set up for.
# What is there already stays, so that a second run takes no time. What can't be installed, for want
# of a toolchain or of a network, is said: the tests are skipped; with CI=true that is a failure.
set -euo pipefail

# `latest` of the suite knows nothing of 2026-07-28, and the suite wants a newer node than Debian's.
suite=(node@24 @modelcontextprotocol/conformance@0.2.0-alpha.12)
mcp=2.3.0
fastmcp=4.1.2
wanted="${suite[*]} mcp==$mcp with server and client, fastmcp==$fastmcp with server"

dir=${1:?usage: setup.sh DIR}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

# One at a time: two test runs may share DIR.
exec 9>"$dir/lock"
flock 9

say() { printf 'conformance: %s\n' "$*"; }

cant() {
  say "$*: the conformance tests can't run"
  if [[ ${CI:-} == true ]]; then exit 1; fi
  exit 0
}

# retry COMMAND...: once more after 2 s and after 4 s, for registries that are busy.
retry() {
  local wait
  for wait in 2 4 0; do
    if "$@"; then return 0; fi
    ((wait == 0)) || sleep "$wait"
  done
  return 1
}

install_suite() {
  mkdir -p "$dir/node" && cd "$dir/node" && echo '{"private":true}' >package.json &&
    retry npm install --no-fund --no-audit --loglevel=error "${suite[@]}" &&
    node_modules/node/bin/node --version
}

# Its sources hold a server and a client that implement everything the suite asks for; the package
# doesn't.
install_peers() {
  local pip=("$dir/python/bin/python" -m pip --disable-pip-version-check)
  cd "$dir" && rm -rf python sdist && python3 -m venv python &&
    retry "${pip[@]}" install --quiet "mcp==$mcp" &&
    retry "${pip[@]}" download --quiet --no-deps --no-binary mcp "mcp==$mcp" -d sdist &&
    mkdir sdist/mcp && tar xzf "sdist/mcp-$mcp.tar.gz" -C sdist/mcp --strip-components=1 \
      "mcp-$mcp/examples/servers/everything-server" "mcp-$mcp/.github/actions/conformance/client.py" &&
    PYTHONPATH=sdist/mcp/examples/servers/everything-server \
      python/bin/python -c 'import mcp_everything_server'
}

# The one server there is that has the tasks extension.
install_tasks() {
  local pip=("$dir/fastmcp/bin/python" -m pip --disable-pip-version-check)
  cd "$dir" && rm -rf fastmcp fastmcp-sdist && python3 -m venv fastmcp &&
    retry "${pip[@]}" install --quiet "fastmcp[tasks]==$fastmcp" &&
    retry "${pip[@]}" download --quiet --no-deps --no-binary fastmcp "fastmcp==$fastmcp" \
      -d fastmcp-sdist &&
    tar xzf "fastmcp-sdist/fastmcp-$fastmcp.tar.gz" -C fastmcp-sdist --strip-components=1 \
      "fastmcp-$fastmcp/tests/conformance" &&
    fastmcp/bin/python -c 'import fastmcp'
}

if [[ -f $dir/installed && $(<"$dir/installed") == "$wanted" ]]; then
  say "$wanted is there"
  exit 0
fi
for tool in npm python3; do
  command -v "$tool" >/dev/null || cant "no $tool on this machine"
done
say "installing $wanted ..."
rm -f "$dir/installed"
for part in suite peers tasks; do
  if ! "install_$part" </dev/null >"$dir/$part.log" 2>&1; then
    tail -n 15 "$dir/$part.log" | sed 's/^/    /'
    cant "the $part could not be installed ($dir/$part.log has it all)"
  fi
done
printf '%s' "$wanted" >"$dir/installed"
say "installed in $SECONDS s"
