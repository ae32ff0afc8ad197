#!/usr/bin/env bash
# Installs the Debian 12 packages that the project needs and that are missing; nothing else.
#
#   scripts/install-deps.sh           what building and running needs
#   scripts/install-deps.sh --test    also what the tests need
#
# Runs as root or with sudo. MCPBRIDGE_NO_INSTALL=1 makes it do nothing: for systems other than
# Debian 12 on which the packages have been provided by other means.
set -euo pipefail

BUILD_PACKAGES=(
  build-essential cmake ninja-build pkg-config
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev
  libboost1.81-dev libabsl-dev libsimdjson-dev libyaml-cpp-dev libspdlog-dev libssl-dev libhiredis-dev
  prometheus-cpp-dev
  curl ca-certificates
)
TEST_PACKAGES=(
  libgtest-dev libgmock-dev ccache clang-format shellcheck python3 python3-venv python3-pip openssl procps redis-server
  buildah debootstrap file man-db systemd
  prometheus chromium chromium-driver python3-selenium
)

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; }

fail() {
  printf 'install-deps: %s\n' "$*" >&2
  exit 1
}

# Prints those of its arguments that dpkg doesn't have installed.
missing_of() {
  local installed
  installed=" $(dpkg-query -W -f '${db:Status-Status}/${Package} ' "$@" 2>/dev/null || :)"
  local package
  for package in "$@"; do
    [[ $installed == *" installed/$package "* ]] || printf '%s\n' "$package"
  done
}

require_debian_12() {
  local id='' version=''
  if [[ -r /etc/os-release ]]; then
    id=$(. /etc/os-release && printf '%s' "${ID:-}")
    version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
  fi
  [[ $id == debian && $version == 12 ]] && return
  fail "this is ${id:-an unknown system} ${version}, not Debian 12. Provide these Debian packages'" \
    "equivalents and set MCPBRIDGE_NO_INSTALL=1:"$'\n'"  $*"
}

install() {
  local as_root=(env)
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "needs root or sudo for: apt-get install --no-install-recommends $*"
    as_root=(sudo env)
  fi
  as_root+=(DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  "${as_root[@]}" -qq update || fail "apt-get update failed: see above"
  "${as_root[@]}" -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends "$@" ||
    fail "apt-get install failed: see above"
}

packages=("${BUILD_PACKAGES[@]}")
case ${1:-} in
  '') ;;
  --test) packages+=("${TEST_PACKAGES[@]}") ;;
  -h | --help) usage && exit 0 ;;
  *) usage >&2 && exit 2 ;;
esac

[[ ${MCPBRIDGE_NO_INSTALL:-} != 1 ]] || exit 0
command -v dpkg-query >/dev/null || require_debian_12 "${packages[@]}"
mapfile -t missing < <(missing_of "${packages[@]}")
((${#missing[@]})) || exit 0
require_debian_12 "${packages[@]}"
printf 'Installing %d Debian packages and what they depend on (a few minutes at most): %s\n' \
  "${#missing[@]}" "${missing[*]}"
install "${missing[@]}"
