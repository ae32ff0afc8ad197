#!/bin/sh
# Makes package mcpbridgev1 of proto/mcpbridge/v1, with the plugins in the versions of go.mod. Needs
# protoc.
set -eu
cd "$(dirname "$0")"

package=mcpbridge.dev/example/mcpbridgev1
set --
for file in content input tool_service; do
  set -- "$@" "--go_opt=Mmcpbridge/v1/$file.proto=$package" \
    "--go-grpc_opt=Mmcpbridge/v1/$file.proto=$package" "mcpbridge/v1/$file.proto"
done
protoc --proto_path=../../proto \
  --plugin=protoc-gen-go="$(go tool -n protoc-gen-go)" --go_out=. \
  --go_opt=module=mcpbridge.dev/example \
  --plugin=protoc-gen-go-grpc="$(go tool -n protoc-gen-go-grpc)" --go-grpc_out=. \
  --go-grpc_opt=module=mcpbridge.dev/example "$@"
