#!/usr/bin/env bash
# Measures mcp-bridge beside nginx, a bare gRPC echo, a bare pipe and, if asked to, other gateways, in one
# run and in turn, so that all of them meet the same machine. docs/benchmarks.md says what is measured
# and what each figure means.
#
#   scripts/bench.sh            the main systems at 1 and 64 callers, and every target: about 8 minutes
#   scripts/bench.sh --full     the whole matrix, with other people's gateways
#   scripts/bench.sh --quick    a few seconds: shows that it works, not how fast it is
#   scripts/bench.sh --help     all options
#   scripts/bench.sh micro      the microbenchmarks; further arguments go to them
#
# Builds what is missing. Exit code: 0; 1 if any answer was missing or wrong, or a program didn't start.
set -euo pipefail
cd "$(dirname "$0")/.."

# Only where no other programs are named: CI's are built already.
build() {
  [ -d build/release ] || cmake --preset release >&2
  cmake --build build/release --target "$@" >&2
}

if [ "${1:-}" = micro ]; then
  shift
  cmake --preset release >&2  # google/benchmark may be there now
  build bench-micro
  exec build/release/bin/bench-micro "$@"
fi
case " $* " in
  *" --bin "* | *" --bin="* | *" --help "* | *" -h "*) ;;
  *)
    build mcp-bridge mcp-demo-server bench-load bench-cancel bench-grpc-echo bench-pipe
    build bench-micro || true  # without google/benchmark what needs it is skipped
    ;;
esac
exec python3 -B tests/bench/driver/main.py "$@"
