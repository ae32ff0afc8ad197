#!/usr/bin/env bash
# Installs the clients and MCP servers in other languages that the polyglot tests use, and builds the
# examples.
#
#   tests/polyglot/setup.sh DIR [GROUP...]
#
# Groups: clients, ghz, wheel, example_python, example_go, example_node, example_java, example_rust;
# without any, all of them.
#
# Everything goes into DIR, in fixed versions, from the registries that pip, npm, go, cargo and mvn are
# set up for. What is there already stays, so that a second run takes no time. What can't be
# installed, for want of a toolchain or of a network, is said and left out: its tests are skipped; with
# CI=true that is a failure.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
dir=${1:?usage: setup.sh DIR [GROUP...]}
mkdir -p "$dir/installed"
dir=$(cd "$dir" && pwd)
groups=("${@:2}")

# Compiling takes a while: tests that run meanwhile come first.
renice -n 10 $$ >/dev/null

missing=0

say() { printf 'polyglot: %s\n' "$*"; }

# Whether the parts of this group are asked for.
wanted() { ((!${#groups[@]})) || [[ " ${groups[*]} " == *" $1 "* ]]; }

# part NAME TOOL PACKAGES...: runs install_NAME PACKAGES... unless these very ones are there, or its
# $group isn't asked for.
part() {
  wanted "$group" || return 0
  local name=$1 tool=$2 stamp=$dir/installed/$1 start=$SECONDS lock
  shift 2
  # One at a time: two test runs may share DIR.
  exec {lock}>"$dir/$name.lock"
  flock "$lock"
  if [[ -f $stamp && $(<"$stamp") == "$*" ]]; then
    say "$name: $* is there"
  elif ! command -v "$tool" >/dev/null; then
    say "$name: no $tool on this machine, so not installed: its tests can't run"
    missing=1
  else
    say "$name: installing $* ..."
    rm -f "$stamp"
    if "install_$name" "$@" </dev/null >"$dir/$name.log" 2>&1; then
      printf '%s' "$*" >"$stamp"
      say "$name: installed in $((SECONDS - start)) s"
    else
      tail -n 15 "$dir/$name.log" | sed 's/^/    /'
      say "$name: could not be installed ($dir/$name.log has it all): its tests can't run"
      missing=1
    fi
  fi
  exec {lock}>&-
}

venv() {
  local venv=$dir/$1
  shift
  rm -rf "$venv" && python3 -m venv "$venv" &&
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

install_python() { venv python "$@"; }
install_python_mcp_v1() { venv python_mcp_v1 "$@"; }
install_python_fastmcp() { venv python_fastmcp "$@"; }
install_python_traces() { venv python_traces "$@"; }
install_python_google_0_1() { venv python_google_0_1 "$@"; }
install_python_google_0_2() { venv python_google_0_2 "$@"; }

install_node_packages() {
  mkdir -p "$dir/node" && cd "$dir/node" && echo '{"private":true}' >package.json &&
    npm install --no-fund --no-audit --loglevel=error "$@"
}

# The Go SDK has no client program of its own: clients/echo_go.go is one.
install_go_client() {
  local source=$here/clients/echo_go.go
  rm -rf "$dir/go_client" && mkdir -p "$dir/go_client" && cd "$dir/go_client" &&
    cp "$source" main.go && go mod init echo && GOFLAGS='' go get "$1" &&
    GOFLAGS='' go mod tidy && GOFLAGS='' go build -o "$dir/bin/echo_go" .
}

install_grpcurl() { GOBIN=$dir/bin GOFLAGS='' go install "$@"; }

install_ghz() { GOBIN=$dir/bin GOFLAGS='' go install "$@"; }

# Files of ours as an archive that is the same each time.
sources() {
  tar -C "$root" --exclude=target --exclude=node_modules --exclude=venv --exclude=__pycache__ \
    --exclude=examples/go/mcpbridgev1 --exclude=examples/python/mcpbridge --sort=name --mtime=@0 \
    --owner=0 --group=0 --numeric-owner -cf - "$@"
}

# A word that changes when they do.
stamp_of() { sources "$@" | sha256sum | cut -c1-16; }

# In a copy, as examples/README.md tells it.
example_folder() {
  mkdir -p "$dir/example_$1" && cd "$dir/example_$1" && sources "examples/$1" proto | tar -xmf - &&
    cd "examples/$1"
}

install_example_python() {
  example_folder python && rm -rf venv && python3 -m venv venv &&
    venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt &&
    venv/bin/python -m grpc_tools.protoc -I../../proto --python_out=. --grpc_python_out=. \
      ../../proto/mcpbridge/v1/*.proto
}
install_example_go() {
  example_folder go && GOFLAGS='' go generate && GOFLAGS='' go build -o example .
}
install_example_node() { example_folder node && npm ci --no-fund --no-audit --loglevel=error; }
# The last goal runs nothing, but is there from then on.
install_example_java() { example_folder java && mvn -B -q compile exec:java -Dexec.skip; }
install_example_rust() { example_folder rust && cargo build --quiet --locked; }

# part_example LANGUAGE TOOL: built again when a file of it or a proto has changed.
part_example() {
  local group=example_$1
  part "example_$1" "$2" "$(stamp_of "examples/$1" proto)"
}

install_wheel() {
  rm -rf "$dir/wheel" && "$root/scripts/build-python-wheel.sh" "$dir/wheel" &&
    venv python_wheel "$dir"/wheel/*.whl grpcio-status==1.85.1
}

group=clients
part python python3 grpcio==1.85.1 grpcio-tools==1.85.1 mcp==2.3.0 mcp-server-time==2026.10.19
part python_mcp_v1 python3 mcp==1.30.0
part python_fastmcp python3 fastmcp==4.1.2
part node_packages npm @modelcontextprotocol/sdk@1.32.2 @modelcontextprotocol/client@2.4.0 \
  @modelcontextprotocol/inspector@0.15.0 @modelcontextprotocol/server-everything@2026.8.31 \
  mcp-remote@0.15.1
part go_client go github.com/modelcontextprotocol/go-sdk@v1.8.0
part python_traces python3 opentelemetry-proto==1.45.2
part python_google_0_1 python3 grpcio==1.85.1 mcp-grpc-transport-proto==0.1.0
part python_google_0_2 python3 grpcio==1.85.1 mcp-grpc-transport-proto==0.2.0
part grpcurl go github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
group=ghz
part ghz go github.com/bojand/ghz/cmd/ghz@v0.120.0
group=wheel
part wheel python3 "$(stamp_of scripts/build-python-wheel.sh proto)"
part_example python python3
part_example go go
part_example node npm
part_example java mvn
part_example rust cargo

if ((missing)) && [[ ${CI:-} == true ]]; then exit 1; fi
