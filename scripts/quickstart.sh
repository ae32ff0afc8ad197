#!/usr/bin/env bash
# Installs what is missing, builds, starts the bridge before a demo MCP server, shows three calls at
# once over HTTP and three over gRPC with their times, then serves until Ctrl-C.
#
#   scripts/quickstart.sh          serves until Ctrl-C
#   scripts/quickstart.sh --once   stops after the six calls
#
# Exit status 0: all six calls succeeded (and, without --once, nothing died since).
set -euo pipefail
cd "$(dirname "$0")/.."

readonly CONFIG=examples/quickstart.yaml
readonly DEMO_PORT=9321 # as CONFIG says
readonly BIN=build/release/bin
readonly START_LIMIT=30 # seconds from starting a program to its being ready
readonly CALL_LIMIT=5   # seconds for one call

once=0
case ${1:-} in
  '') ;;
  --once) once=1 ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac

work=$(mktemp -d)
children=() # the newest first

say() { printf '\n==> %s\n' "$*"; }

# Runs on every way out. The bridge goes first: it ends its session with the demo server.
finish() {
  trap '' INT TERM HUP
  local pid
  for pid in "${children[@]}"; do
    kill -TERM "$pid" 2>/dev/null || :
    wait "$pid" 2>/dev/null || :
  done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# start NAME ARGUMENTS...: runs the program in the background, its log in NAME.log, and waits for the
# first line that it prints, which is left in `first_line`. Ctrl-C reaches it through finish() only,
# and it doesn't outlive this script even if that is killed.
start() {
  local name=$1 command=$* out status=0
  shift
  mkfifo "$work/$name.out"
  setpriv --pdeathsig TERM setsid "$BIN/$name" "$@" >"$work/$name.out" 2>"$work/$name.log" &
  children=($! "${children[@]}")
  exec {out}<"$work/$name.out"
  read -r -t "$START_LIMIT" -u "$out" first_line || status=$?
  ((status)) || return 0
  if ((status > 128)); then
    echo "$command: wasn't ready after $START_LIMIT s:" >&2
  else
    echo "$command: didn't start:" >&2
  fi
  tail -n 20 "$work/$name.log" >&2
  exit 1
}

# Whether every program still runs; if not, `status` is that of one which doesn't.
all_run() {
  local pid
  for pid in "${children[@]}"; do
    kill -0 "$pid" 2>/dev/null && continue
    status=0
    wait "$pid" || status=$?
    return 1
  done
}

# show N FRONT STATUS SECONDS ANSWER: one line of what the user came to see.
show() { printf '%s call %s: %-8s in %ss  %.160s\n' "$2" "$1" "$3" "$4" "${5//$'\n'/ }"; }

http_call() {
  local request measured status seconds answer
  request='{"jsonrpc":"2.0","id":'$1',"method":"tools/call",
    "params":{"name":"my_tool","arguments":{"query":"test '$1'"}}}'
  measured=$(curl -sS --max-time "$CALL_LIMIT" "http://$http/mcp/" \
    -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \
    -d "$request" -o "$work/http.$1" -w '%{http_code} %{time_total}' 2>"$work/http.$1.err") || :
  read -r status seconds <<<"$measured"
  answer=$(cat "$work/http.$1" "$work/http.$1.err" 2>/dev/null)
  show "$1" HTTP "HTTP $status" "$seconds" "$answer"
  [[ $status == 200 && $answer == *'"result"'*"test $1"* && $answer != *'"isError":true'* ]]
}

grpc_call() {
  local began=$EPOCHREALTIME status=OK answer took
  answer=$("$BIN/mcp-call" --timeout "${CALL_LIMIT}s" --address "$grpc" \
    --json my_tool '{"query":"test '"$1"'"}' 2>&1) || status=FAILED
  took=$((${EPOCHREALTIME/./} - ${began/./}))
  show "$1" gRPC "$status" "$(printf '%d.%06d' $((took / 1000000)) $((took % 1000000)))" "$answer"
  [[ $status == OK && $answer == *"test $1"* ]]
}

# three_at_once CALL: CALL 1, 2 and 3 side by side; fails if one fails.
three_at_once() {
  local pids=() pid failed=0
  for i in 1 2 3; do
    "$1" "$i" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  return "$failed"
}

scripts/install-deps.sh
say "Building (the first time takes minutes, later ones seconds)"
scripts/build.sh --programs

say "Starting the demo MCP server and the bridge"
start mcp-demo-server --port "$DEMO_PORT"
start mcp-bridge --config="$CONFIG"
if [[ ! $first_line =~ ^ready\ http=([^ ]+)\ grpc=([^ ]+)(\ admin=([^ ]+))?$ ]]; then
  echo "mcp-bridge printed '$first_line' instead of its addresses" >&2
  exit 1
fi
http=${BASH_REMATCH[1]}
grpc=${BASH_REMATCH[2]}
admin=${BASH_REMATCH[4]}

failed=0
say "Three calls at once over HTTP: POST http://$http/mcp/"
three_at_once http_call || failed=1
say "Three calls at once over gRPC: mcp-call --address $grpc my_tool ..."
three_at_once grpc_call || failed=1
if ((failed)); then
  echo 'A call failed. The end of the log of mcp-bridge:' >&2
  tail -n 20 "$work/mcp-bridge.log" >&2
  exit 1
fi
((!once)) || exit 0

trap 'say "Stopping"; exit 0' INT
say "Serving until Ctrl-C. Logs: $work${admin:+. Status page: http://$admin/}"
# Looks once a second: `wait -n` would miss a program that ended just before. Reading what never
# comes is a pause that Ctrl-C ends at once, and leaves no process behind.
mkfifo "$work/never"
exec {never}<>"$work/never"
while all_run; do read -r -t 1 -u "$never" || :; done
echo "A program ended by itself (status $status); the ends of their logs:" >&2
tail -n 20 "$work"/*.log >&2
exit 1
