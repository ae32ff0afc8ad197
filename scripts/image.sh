#!/usr/bin/env bash
# Builds the image of docker/Dockerfile: with docker where a daemon answers, else with buildah, which
# needs none but root.
#
#   scripts/image.sh [--tag NAME[:TAG]] [--target bridge|demo] [--arch amd64|arm64]
#                    [--engine docker|buildah] [--programs DIR] [--store DIR]
#
# --target    bridge (default): mcp-bridge alone. demo: with a demo MCP server beside it.
# --arch      the processor it is for; default: this machine's. Another one takes docker, with qemu's
#             handlers for it (docker run --privileged tonistiigi/binfmt, or Debian's qemu-user-static).
# --programs  a folder with mcp-bridge, mcp-call and mcp-demo-server, compiled on Debian 12 for that
#             processor, e.g. build/release/bin: saves compiling them in the image.
# --store     buildah: where to keep images, instead of where buildah and podman have theirs.
#
# With buildah the base image is made by debootstrap (scripts/debian-base.sh), unless an image
# debian:12-slim is there: no registry is asked for anything.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  printf 'image: %s\n' "$*" >&2
  exit 1
}

machine=$(uname -m)
machine=${machine/x86_64/amd64}
machine=${machine/aarch64/arm64}
tag=mcp-bridge
target=bridge
arch=$machine
engine=''
programs=''
store=''
while (($#)); do
  case $1 in
    --tag) tag=${2:?--tag needs a name} ;;
    --target) target=${2:?--target needs bridge or demo} ;;
    --arch) arch=${2:?--arch needs amd64 or arm64} ;;
    --engine) engine=${2:?--engine needs docker or buildah} ;;
    --programs) programs=${2:?--programs needs a folder} ;;
    --store) store=${2:?--store needs a folder} ;;
    *) sed -n '2,18s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
  esac
  shift 2
done
[[ $target == bridge || $target == demo ]] || fail "--target is bridge or demo, not $target"
[[ $arch == amd64 || $arch == arm64 ]] || fail "--arch is amd64 or arm64, not $arch"

if [[ -z $engine ]]; then
  if docker info >/dev/null 2>&1; then
    engine=docker
  elif command -v buildah >/dev/null; then
    engine=buildah
  else
    fail 'no docker daemon answers and there is no buildah: apt-get install buildah debootstrap'
  fi
fi

arguments=(
  --target "$target" --tag "$tag" --file docker/Dockerfile
  --build-arg "VERSION=$(sed -n 's/^project(mcp-bridge VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)"
  --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)"
  --build-arg "CREATED=$(date -u +%Y-%m-%dT%H:%M:%SZ)"
)
context=.
made=compiled
if [[ -n $programs ]]; then
  context=$(mktemp -d)
  trap 'rm -rf "$context"' EXIT
  mkdir "$context/programs"
  for name in mcp-bridge mcp-call mcp-demo-server; do
    strip -o "$context/programs/$name" "$programs/$name"
  done
  cp -r --parents docker examples/quickstart.yaml "$context"
  made=prebuilt
fi
# Always said: buildah 1.28 builds no stage that only the argument's default names.
arguments+=(--build-arg "PROGRAMS=$made")

with_docker() { docker build --platform "linux/$arch" "${arguments[@]}" "$context"; }

buildah() { command buildah --storage-driver vfs "${at[@]}" "$@"; }

# An image debian:12-slim of our own, which FROM finds before it would ask anybody.
make_base() {
  local base=localhost/debian:12-slim container
  [[ -z $(buildah images -q --filter reference=debian:12-slim 2>/dev/null) ]] || return 0
  scripts/debian-base.sh build/debian-12/base.tar
  container=$(buildah from scratch)
  buildah add --quiet "$container" build/debian-12/base.tar / >/dev/null
  buildah config --cmd bash --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "$container"
  buildah commit --quiet --rm --format docker "$container" "$base" >/dev/null
}

with_buildah() {
  [[ $arch == "$machine" ]] || fail "buildah is used for this machine's $machine only; $arch takes docker"
  ((EUID == 0)) || fail 'buildah needs root here'
  at=()
  [[ -z $store ]] || at=(--root "$store/root" --runroot "$store/run")
  make_base
  # Docker's format: OCI's has no HEALTHCHECK.
  buildah bud --isolation chroot --layers --pull-never --format docker "${arguments[@]}" "$context"
}

case $engine in
  docker) with_docker ;;
  buildah) with_buildah ;;
  *) fail "--engine is docker or buildah, not $engine" ;;
esac
