#!/usr/bin/env bash
# Installs what the tests of deploy/ need into DIR, in fixed versions: the schemas of Kubernetes' own API
# (PyPI kubernetes-validate), helm and kustomize.
#
#   tests/deploy/setup.sh DIR
#
# What is there already stays. What can't be installed is said: its tests are then skipped, and with
# CI=true this fails.
set -euo pipefail

readonly VALIDATE=kubernetes-validate==1.37.0
readonly HELM=helm.sh/helm/v3/cmd/helm@v3.22.0
readonly KUSTOMIZE=sigs.k8s.io/kustomize/kustomize/v5@v5.7.1

dir=${1:?usage: setup.sh DIR}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
# Compiling takes a while: tests that run meanwhile come first.
renice -n 10 $$ >/dev/null
exec {lock}>"$dir/lock"
flock "$lock"
missing=0

# part NAME TOOL WHAT: runs install_NAME WHAT unless that very one is there.
part() {
  local stamp=$dir/$1.installed start=$SECONDS
  if [[ -f $stamp && $(<"$stamp") == "$3" ]]; then return; fi
  if ! command -v "$2" >/dev/null; then
    echo "deploy: no $2 on this machine, so no $1"
    missing=1
  elif "install_$1" "$3" </dev/null >"$dir/$1.log" 2>&1; then
    printf '%s' "$3" >"$stamp"
    echo "deploy: $3 installed in $((SECONDS - start)) s"
  else
    tail -n 15 "$dir/$1.log" | sed 's/^/    /'
    echo "deploy: $3 could not be installed"
    missing=1
  fi
}

install_validate() {
  rm -rf "$dir/venv" && python3 -m venv "$dir/venv" &&
    "$dir/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$1"
}
install_helm() { GOBIN=$dir/bin GOFLAGS='' go install "$1"; }
install_kustomize() { GOBIN=$dir/bin GOFLAGS='' go install "$1"; }

part validate python3 "$VALIDATE"
part helm go "$HELM"
part kustomize go "$KUSTOMIZE"
if ((missing)) && [[ ${CI:-} == true ]]; then exit 1; fi
