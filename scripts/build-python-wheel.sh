#!/usr/bin/env bash
# Builds a wheel with Python stubs of proto/mcpbridge/v1: package mcp-bridge-stubs, modules mcpbridge.v1.
#
#   scripts/build-python-wheel.sh [DIR]      the wheel goes to DIR (build/python) and its name is printed
#
# Needs python3 with venv, and pip's registry for the tools that make it. google.rpc, which errors'
# details are of, comes from googleapis-common-protos: the wheel has no copy of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TOOLS=(grpcio-tools==1.85.1 setuptools==80.9.0)

[[ ${1:-} != -* ]] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
out=${1:-build/python}
mkdir -p "$out"
out=$(cd "$out" && pwd)
version=$(sed -n 's/^project(mcp-bridge VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
python=$work/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check "${TOOLS[@]}"

package=$work/package
mkdir -p "$package/mcpbridge/v1"
cp LICENSE "$package"
"$python" -m grpc_tools.protoc --proto_path=proto --python_out="$package" --pyi_out="$package" \
  --grpc_python_out="$package" proto/mcpbridge/v1/*.proto
echo '"""Stubs of mcp-bridge."""' >"$package/mcpbridge/__init__.py"
echo '"""MCP over gRPC: tools, resources, prompts, completion; sessions of JSON-RPC messages."""' \
  >"$package/mcpbridge/v1/__init__.py"

# Generated code refuses to run with anything older than what it was made by.
installed() { "$python" -c 'import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))' "$1"; }
made_by=$(sed -n 's/^# Protobuf Python Version: //p' "$package/mcpbridge/v1/tool_service_pb2.py")
cat >"$package/pyproject.toml" <<EOF
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "mcp-bridge-stubs"
version = "$version"
description = "gRPC stubs of mcp-bridge: the tools of MCP servers, typed"
license = "Apache-2.0"
requires-python = ">=3.10"
dependencies = [
  "grpcio>=$(installed grpcio-tools)",
  "protobuf>=$made_by",
  "googleapis-common-protos>=1.66",
]

[tool.setuptools]
packages = ["mcpbridge", "mcpbridge.v1"]

[tool.setuptools.package-data]
"*" = ["*.pyi"]
EOF
"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
  --wheel-dir "$out" "$package"
printf '%s\n' "$out"/mcp_bridge_stubs-"$version"-*.whl
