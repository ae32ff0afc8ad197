#!/usr/bin/env bash
# Makes the Debian 12 package of mcp-bridge, and prints where it is.
#
#   scripts/package.sh              builds the programs first, if they aren't
#   scripts/package.sh --no-build   packs what is in build/release
#
# The package has mcp-bridge, mcp-call and mcp-demo-server, a systemd service that isn't started by itself,
# its configuration in /etc/mcp-bridge, manual pages and shell completions.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
  '') scripts/install-deps.sh && scripts/build.sh --programs >&2 ;;
  --no-build) ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac

folder=build/release/package
rm -rf "$folder"
log=build/release/package.log
if ! cpack --config build/release/CPackConfig.cmake -B "$PWD/$folder" >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
rm -rf "$folder/_CPack_Packages"
printf '%s\n' "$folder"/*.deb
