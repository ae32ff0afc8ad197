#!/usr/bin/env bash
# Notes the wire format of proto/ as it is now in proto/baseline.txtpb, which a test holds later
# versions against. Run it when something was added; what the test complains of must not be noted.
set -euo pipefail
cd "$(dirname "$0")/../proto"

set_file=$(mktemp)
trap 'rm -f "$set_file"' EXIT
find . -name '*.proto' -printf '%P\n' | sort |
  xargs protoc -I. --descriptor_set_out="$set_file"
protoc -I/usr/include --decode=google.protobuf.FileDescriptorSet \
  google/protobuf/descriptor.proto <"$set_file" >baseline.txtpb
