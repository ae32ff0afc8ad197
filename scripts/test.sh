#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests.
#
#   scripts/test.sh                    every test, as release
#   scripts/test.sh --preset asan      unit, integration and chaos tests under ASan and UBSan
#   scripts/test.sh --preset tsan      the same under TSan
#   CI=true scripts/test.sh            lint, then release, asan and tsan in turn, warnings being errors:
#                                      what CI runs
#   scripts/test.sh --label unit       only tests whose label matches the expression
#   scripts/test.sh -R NAME            anything else goes to ctest
#
# With CI=true, on machines that are slow and shared, up to three tests that failed run once more,
# alone; those that pass then are named as flaky instead. A report of a sanitizer, a crash or a
# time-out stands as it is.
#
# Tests with callers in other languages need node, npm, go, mvn with a JDK, and cargo, which are not
# installed from here. Without them such a test is skipped, and says so; with CI=true it fails.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly SANITIZED_LABELS='^(unit|integration|chaos)$'

presets=()
label=''
ctest_args=()
while (($#)); do
  case $1 in
    --preset) presets+=("${2:?--preset needs a name}") && shift ;;
    --label) label=${2:?--label needs an expression} && shift ;;
    -h | --help) sed -n '2,17s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) ctest_args+=("$1") ;;
  esac
  shift
done
if ((!${#presets[@]})); then
  presets=(release)
  [[ ${CI:-} != true ]] || presets+=(asan tsan)
fi

# TSan's memory map leaves no room for the randomisation of newer kernels (vm.mmap_rnd_bits > 28), so
# its programs run without any. That goes for the build too, which asks test programs for their tests.
wrapper_of() {
  if [[ $1 == tsan ]] && setarch -R true 2>/dev/null; then echo 'setarch -R'; fi
}

# run_again NAME WRAPPER...: what failed when the log was written, unless nothing excuses it.
run_again() {
  local preset=$1 wrapper=("${@:2}") log=build/$1/test.log failed
  ! grep -qE 'WARNING: ThreadSanitizer|ERROR: (Address|Leak)Sanitizer|runtime error: ' "$log" || return
  failed=$(sed '1,/^The following tests FAILED:/d' "$log" | grep -E '^\s+[0-9]+ - ') || return
  ! grep -qvE ' \(Failed\)' <<<"$failed" || return
  (($(wc -l <<<"$failed") <= 3)) || return
  printf '\n==> %s: once more, alone, what failed\n' "$preset"
  "${wrapper[@]}" ctest --preset "$preset" --rerun-failed || return
  sed -E "s/^[[:space:]]*[0-9]+ - (.*) \(Failed\).*/flaky: \1 ($preset)/" <<<"$failed" >"build/$preset/flaky.txt"
}

# test_preset NAME: builds it and runs its tests; the output is left in build/NAME/test.log too.
test_preset() {
  local preset=$1 labels=$label wrapper
  read -ra wrapper <<<"$(wrapper_of "$preset")"
  [[ -n $labels || $preset != [at]san ]] || labels=$SANITIZED_LABELS
  printf '\n==> %s: building\n' "$preset"
  "${wrapper[@]}" scripts/build.sh --preset "$preset" || return
  printf '\n==> %s: testing\n' "$preset"
  "${wrapper[@]}" ctest --preset "$preset" --parallel "$(nproc)" ${labels:+--label-regex "$labels"} \
    "${ctest_args[@]}" 2>&1 | tee "build/$preset/test.log" ||
    { [[ ${CI:-} == true ]] && run_again "$preset" "${wrapper[@]}"; }
}

scripts/install-deps.sh --test
for tool in node npm go mvn cargo; do
  command -v "$tool" >/dev/null || echo "No $tool here: tests that need it won't run." >&2
done

summary=()
failed=0
if [[ ${CI:-} == true ]]; then
  printf '\n==> lint\n'
  scripts/lint.sh || { failed=1 && summary+=('lint found something: see above'); }
fi
for preset in "${presets[@]}"; do
  rm -f "build/$preset/test.log" "build/$preset/flaky.txt"
  # Not called as a condition: that would switch errexit off inside.
  set +e
  (set -e && test_preset "$preset")
  status=$?
  set -e
  ((!status)) || failed=1
  closing=$(grep -E '^[0-9]+% tests passed' "build/$preset/test.log" 2>/dev/null || echo 'no tests ran')
  summary+=("$closing ($preset)")
  [[ ! -e build/$preset/flaky.txt ]] || mapfile -t -O "${#summary[@]}" summary <"build/$preset/flaky.txt"
done

printf '\n'
[[ ${CI:-} == true || ${presets[*]} != release ]] ||
  echo 'Run as release only; --preset asan and --preset tsan look for what it cannot see.'
printf '%s\n' "${summary[@]}"
exit "$failed"
