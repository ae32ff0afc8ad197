# shellcheck shell=bash
API_KEY="sk-your-key-here"
URL="http://localhost:4000/mcp/"
for i in 1 2 3; do
  (
    curl -s --max-time 65 -X POST "$URL" \
      -H "Authorization: Bearer $API_KEY" \
      -H "Content-Type: application/json" \
      -H "Accept: application/json, text/event-stream" \
      -d "{\"jsonrpc\":\"2.0\",\"id\":$i,\"method\":\"tools/call\",\"params\":{\"name\":\"my_tool\",\"arguments\":{\"query\":\"test $i\"}}}" \
      -o /dev/null -w "Call $i: HTTP %{http_code} in %{time_total}s\n" \
      || echo "Call $i: TIMED OUT"
  ) &
done
wait
