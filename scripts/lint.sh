#!/usr/bin/env bash
# Checks how the source looks: formatting, shell and Python syntax, and with --tidy what clang-tidy
# finds (slow; needs a configured build/release).
#
#   scripts/lint.sh [--fix] [--tidy]      --fix lets clang-format mend what it finds
#
# Needs Debian 12's clang-format and clang-tidy (version 14: other versions format differently).
set -euo pipefail
cd "$(dirname "$0")/.."

fix=0
tidy=0
for argument in "$@"; do
  case $argument in
    --fix) fix=1 ;;
    --tidy) tidy=1 ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
  esac
done

need() { command -v "$1" >/dev/null || { echo "lint: $1 is missing: apt-get install $1" >&2; exit 1; }; }

failed=0
need clang-format
mapfile -t cpp < <(git ls-files -- '*.cc' '*.h')
if ((fix)); then
  clang-format -i "${cpp[@]}"
else
  clang-format --dry-run --Werror "${cpp[@]}" || failed=1
fi

mapfile -t shell < <(git ls-files -- '*.sh' .ci/run)
for file in "${shell[@]}"; do
  bash -n "$file" || failed=1
  [[ -x $file ]] || { echo "$file: not executable" >&2 && failed=1; }
done
if command -v shellcheck >/dev/null; then
  shellcheck --severity=warning "${shell[@]}" || failed=1
fi

mapfile -t python < <(git ls-files -- '*.py')
for file in "${python[@]}"; do
  python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$file" || failed=1
done

if ((tidy)); then
  need clang-tidy
  cmake --preset release -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >/dev/null
  mapfile -t sources < <(git ls-files -- 'server/*.cc' 'client/*.cc' 'examples/*.cc')
  printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy -p build/release --quiet ||
    failed=1
fi
exit "$failed"
