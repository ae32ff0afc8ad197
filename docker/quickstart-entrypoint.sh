#!/bin/bash
# The image's first process. Without arguments: the demo MCP server and a bridge before it, open to
# whoever reaches the container's ports (publish them to 127.0.0.1). With arguments: mcp-bridge with
# these, alone. Exit status: the bridge's; 1 if the demo server ended by itself.
set -u

if (($#)); then exec mcp-bridge "$@"; fi

mcp-demo-server --port 9321 >/dev/null &
demo=$!
mcp-bridge --config=/etc/mcp-bridge/quickstart.yaml --allow_unauthenticated \
  --http_listen=0.0.0.0:4000 --grpc_listen=0.0.0.0:50051 &
bridge=$!

# `docker stop` signals this process: the bridge lets its calls finish, then the demo server goes. The
# bridge is told once only: a second signal would make it leave at once.
stopping=0
trap 'stopping=1; kill -TERM "$bridge" 2>/dev/null' TERM INT

wait -n -p ended "$bridge" "$demo" # a signal interrupts it, and leaves `ended` unset
status=$?
if [[ ${ended:-} != "$bridge" ]]; then
  ((stopping)) || kill -TERM "$bridge" 2>/dev/null
  wait "$bridge"
  status=$?
  ((stopping)) || status=1
fi
kill -TERM "$demo" 2>/dev/null
wait "$demo"
exit "$status"
