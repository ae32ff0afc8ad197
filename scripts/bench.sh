#!/usr/bin/env bash
# Measures mcp-bridge beside nginx and beside a bare gRPC echo server, in one run and in turn, so that
# all of them meet the same machine. docs/benchmark.md says what each figure means.
#
#   scripts/bench.sh [--quick] [--rounds N] [--seconds S] [--connections "1 64"] [--bin DIR]
#
#   --quick          one round of one second: shows that everything works, not how fast it is
#   --rounds N       how often each system is measured (5); the table has the medians
#   --seconds S      how long each time (5)
#   --connections L  callers at once, one or more numbers ("1 64")
#   --bin DIR        where the programs are (build/release/bin)
#   --raw FILE       also writes every run there, a line of JSON each
#
# Exit code: 0; 1 if any answer was missing or wrong, or a program didn't start.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=5 seconds=5 warmup=1 connections="1 64" bin=build/release/bin raw=
while [ $# -gt 0 ]; do
  case $1 in
    --quick) rounds=1 seconds=1 warmup=0.3 ;;
    --rounds) rounds=$2; shift ;;
    --seconds) seconds=$2; shift ;;
    --connections) connections=$2; shift ;;
    --bin) bin=$2; shift ;;
    --raw) raw=$(realpath "$2"); shift ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "bench.sh: unknown option $1" >&2; exit 2 ;;
  esac
  shift
done

work=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() { echo "bench.sh: $*" >&2; exit 1; }

# start NAME COMMAND...: runs it in the background; its output goes to $work/NAME.out and .err, its id
# to $started.
start() {
  local name=$1
  shift
  "$@" >"$work/$name.out" 2>"$work/$name.err" &
  started=$!
  pids+=("$started")
}

# await NAME PATTERN: waits until a line of NAME's output matches, and prints it.
await() {
  for _ in $(seq 200); do
    if grep -m1 -E "$2" "$work/$1.out"; then return 0; fi
    sleep 0.05
  done
  cat "$work/$1.err" >&2
  fail "$1 didn't start"
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Below the ports that the system hands out, so nobody gets it between here and its use.
free_port() {
  local port
  while port=$((20000 + RANDOM % 10000)) && listens "$port"; do :; done
  echo "$port"
}

start_upstream() {
  start upstream "$bin/mcp-demo-server" --port=0 --nosessions --answer=json
  upstream_pid=$started
  local line
  line=$(await upstream '^listening on ')
  upstream=${line#*//} upstream=${upstream%/mcp}
}

start_echo() {
  start echo "$bin/bench-grpc-echo"
  echo_pids=$started
  local line
  line=$(await echo '^listening on ')
  echo_target=${line##* }
}

start_nginx() {
  local port
  port=$(free_port)
  nginx_target=127.0.0.1:$port
  cat >"$work/nginx.conf" <<EOF
worker_processes auto;
pid $work/nginx.pid;
error_log stderr warn;
daemon off;
worker_rlimit_nofile 65536;
events { worker_connections 8192; multi_accept off; }
http {
  access_log off;
  client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/fastcgi;
  uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;
  keepalive_requests 10000000; keepalive_timeout 300s;
  upstream up { server $upstream; keepalive 1024; keepalive_requests 10000000; }
  server {
    listen $nginx_target backlog=4096;
    location /mcp {
      proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_read_timeout 300s;
    }
  }
}
EOF
  start nginx "$nginx" -e stderr -p "$work" -c "$work/nginx.conf"
  for _ in $(seq 200); do
    if listens "$port"; then
      nginx_pids=$(cat "/proc/$started/task/$started/children")
      nginx_pids=$(echo "$started" $nginx_pids | tr ' ' ',')
      return 0
    fi
    sleep 0.05
  done
  cat "$work/nginx.err" >&2
  fail "nginx didn't start"
}

start_bridge() {
  cat >"$work/bridge.yaml" <<EOF
mcp_servers:
  demo:
    url: "http://$upstream/mcp"
    transport: http
bridge:
  http_listen: "127.0.0.1:0"
  grpc_listen: "127.0.0.1:0"
  admin_listen: off
EOF
  start bridge "$bin/mcp-bridge" --config="$work/bridge.yaml"
  bridge_pids=$started
  local line
  line=$(await bridge '^ready ')
  bridge_http=${line#*http=} bridge_http=${bridge_http%% *}
  bridge_grpc=${line#*grpc=} bridge_grpc=${bridge_grpc%% *}
}

rss_mb() { awk '/^VmRSS:/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }

# measure SYSTEM MODE TARGET GATEWAY-PIDS UPSTREAM CONNECTIONS: adds a line to results.
measure() {
  local line
  line=$("$bin/bench-load" --mode="$2" --target="$3" --gateway_pids="$4" --upstream="$5" \
    --other_pids="$upstream_pid" --connections="$6" --seconds="$seconds" --warmup="$warmup") ||
    fail "$1 couldn't be measured"
  line="{\"system\":\"$1\",${line#\{}"
  echo "$line" >>"$work/results"
  [ -z "$raw" ] || echo "$line" >>"$raw"
  echo -n . >&2
}

round() {
  for c in $connections; do
    [ -z "$nginx" ] || measure nginx http "$nginx_target" "$nginx_pids" "$upstream" "$c"
    [ -z "$bridge" ] || measure bridge-http http "$bridge_http" "$bridge_pids" "$upstream" "$c"
    measure grpc-echo grpc "$echo_target" "$echo_pids" "" "$c"
    [ -z "$bridge" ] || measure bridge-grpc grpc "$bridge_grpc" "$bridge_pids" "$upstream" "$c"
    measure direct http "$upstream" "" "$upstream" "$c"
  done
}

# Medians of the runs that nothing else disturbed, or of all where there is none (marked by *).
table() {
  awk -v connections="$connections" '
    function field(name,   at, rest) {
      at = index($0, "\"" name "\":")
      rest = substr($0, at + length(name) + 3)
      gsub(/^"/, "", rest)
      match(rest, /^[^,"}]*/)
      return substr(rest, 1, RLENGTH)
    }
    { key = field("system") " " field("connections")
      quiet = field("foreign_cores") + 0 <= 0.2
      n = ++runs[key]; clean[key] += quiet; isquiet[key, n] = quiet
      v[key, n, "rate"] = field("calls_per_s"); v[key, n, "p50"] = field("p50_us")
      v[key, n, "p99"] = field("p99_us"); v[key, n, "cpu"] = field("gateway_cpu_us_per_call")
      v[key, n, "up"] = field("upstream_requests_per_call"); errors[key] += field("errors")
      failed += field("errors") }
    function median(key, what,   i, j, m, x, t) {
      m = 0
      for (i = 1; i <= runs[key]; ++i)
        if (isquiet[key, i] || !clean[key]) x[++m] = v[key, i, what] + 0
      for (i = 2; i <= m; ++i)
        for (j = i; j > 1 && x[j - 1] > x[j]; --j) { t = x[j]; x[j] = x[j - 1]; x[j - 1] = t }
      return m % 2 ? x[(m + 1) / 2] : (x[m / 2] + x[m / 2 + 1]) / 2
    }
    function ratio(a, b, c, target,   ka, kb, r) {
      ka = a " " c; kb = b " " c
      if (!(ka in runs) || !(kb in runs)) return
      r = median(ka, "rate") / median(kb, "rate")
      printf "%s / %s at %s: %.2f", a, b, c, r
      if (c == 64) printf " (target %.1f: %s)", target, (r >= target ? "met" : "missed")
      printf "\n"
    }
    END {
      printf "%-12s %6s %11s %9s %9s %13s %13s %7s %s\n", "system", "conns", "calls/s", "p50 us",
             "p99 us", "CPU us/call", "upstream/call", "errors", "runs"
      split("direct nginx bridge-http grpc-echo bridge-grpc", order, " ")
      count = split(connections, levels, " ")
      for (l = 1; l <= count; ++l) for (s = 1; s <= 5; ++s) {
        key = order[s] " " levels[l]
        if (!(key in runs)) continue
        cpu = order[s] == "direct" ? "-" : sprintf("%.1f", median(key, "cpu"))
        up = order[s] == "grpc-echo" ? "-" : sprintf("%.3f", median(key, "up"))
        printf "%-12s %6d %11.0f %9.0f %9.0f %13s %13s %7d %d/%d%s\n", order[s], levels[l],
               median(key, "rate"), median(key, "p50"), median(key, "p99"), cpu, up, errors[key],
               clean[key] ? clean[key] : runs[key], runs[key], clean[key] ? "" : "*"
        disturbed += !clean[key]
      }
      print ""
      for (l = 1; l <= count; ++l) {
        ratio("bridge-http", "nginx", levels[l], 0.8)
        ratio("bridge-grpc", "grpc-echo", levels[l], 0.4)
      }
      if (disturbed) print "* every run was disturbed: other processes took more than a fifth of a core"
      exit failed > 0
    }' "$work/results"
}

for program in mcp-demo-server bench-load bench-grpc-echo; do
  [ -x "$bin/$program" ] || fail "$bin/$program is missing: build first (scripts/quickstart.sh --once)"
done
start_upstream
start_echo
nginx=$(PATH=$PATH:/usr/sbin command -v nginx || true)
if [ -n "$nginx" ]; then
  start_nginx
else
  echo "SKIPPED: nginx is not installed, so nothing is compared with it" >&2
fi
bridge=
if [ -x "$bin/mcp-bridge" ]; then
  bridge=yes
  start_bridge
  idle_rss=$(rss_mb "$bridge_pids")
else
  echo "SKIPPED: $bin/mcp-bridge is not built" >&2
fi

for ((r = 1; r <= rounds; ++r)); do round; done
echo >&2

echo "mcp-bridge benchmark: $(nproc) CPUs, $rounds rounds of $seconds s, load generator and upstream on the same machine"
echo
status=0
table || status=1
if [ -n "$bridge" ]; then
  echo "bridge RSS: $idle_rss MB idle before the first call (target at most 30), $(rss_mb "$bridge_pids") MB after the last"
fi
exit $status
