#!/usr/bin/env bash
# Configures and builds into build/PRESET; the programs land in build/PRESET/bin.
#
#   scripts/build.sh [--preset release|debug|asan|tsan] [--programs]
#
# --programs builds mcp-bridge, mcp-call and mcp-demo-server only, and needs no test packages.
set -euo pipefail
cd "$(dirname "$0")/.."

# A compiler of this code takes up to this much memory.
readonly KIB_PER_JOB=1572864

# Prints how many compilers may run at once: one per CPU, as far as the memory goes.
jobs_at_once() {
  local cpus available limit
  cpus=$(nproc)
  available=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
  [[ $limit == max ]] || available=$((limit / 1024 < available ? limit / 1024 : available))
  local by_memory=$((available / KIB_PER_JOB))
  ((by_memory >= 1)) || by_memory=1
  echo $((cpus < by_memory ? cpus : by_memory))
}

preset=release
programs_only=0
while (($#)); do
  case $1 in
    --preset) preset=${2:?--preset needs a name} && shift ;;
    --programs) programs_only=1 ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
  esac
  shift
done

cache=build/$preset/CMakeCache.txt
options=()
targets=()
# The launcher is chosen once: another one would compile everything anew.
if [[ ! -f $cache ]] && command -v ccache >/dev/null; then
  # Precompiled headers are cached only where these differences are allowed (ccache's manual).
  options+=("-DCMAKE_CXX_COMPILER_LAUNCHER=env;CCACHE_SLOPPINESS=pch_defines,time_macros;ccache")
fi
if ((programs_only)); then
  targets=(--target mcp-bridge mcp-call mcp-demo-server)
  # A tree that was configured with tests keeps them.
  grep -qs '^MCPBRIDGE_BUILD_TESTS:BOOL=ON' "$cache" || options+=(-DMCPBRIDGE_BUILD_TESTS=OFF)
else
  options+=(-DMCPBRIDGE_BUILD_TESTS=ON)
fi
if [[ $preset == release && ${CI:-} == true ]]; then
  options+=(-DMCPBRIDGE_WERROR=ON)
fi

mkdir -p "build/$preset"
log=build/$preset/configure.log
if ! cmake --preset "$preset" "${options[@]}" >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
cmake --build "build/$preset" --parallel "$(jobs_at_once)" "${targets[@]}"
