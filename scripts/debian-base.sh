#!/usr/bin/env bash
# Makes a small Debian 12 root file system as a tar file, by debootstrap: what `debian:12-slim` is, for
# machines that reach Debian's packages but no registry of images.
#
#   scripts/debian-base.sh FILE.tar
#
# Runs as root. A file that is there already stays as it is. Packages come from where this machine's
# own come from.
set -euo pipefail

out=${1:?usage: debian-base.sh FILE.tar}
[[ $out == *.tar && $# == 1 ]] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
[[ ! -s $out ]] || exit 0
((EUID == 0)) || { echo 'debian-base: needs root, for chroot' >&2 && exit 1; }
command -v debootstrap >/dev/null ||
  { echo 'debian-base: debootstrap is missing: apt-get install debootstrap' >&2 && exit 1; }

mkdir -p "$(dirname "$out")"
# One at a time: the loser of a race finds the winner's file.
exec {lock}>"$out.lock"
flock "$lock"
[[ ! -s $out ]] || exit 0
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

debootstrap --variant=minbase bookworm "$root" >"$work/log" 2>&1 ||
  { tail -n 20 "$work/log" >&2 && exit 1; }

# As in Debian's slim images: no documentation but the licences, no translations; nothing of this machine.
cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<'SLIM'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
SLIM
if [[ -r /etc/apt/sources.list.d/debian.sources ]]; then
  cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/"
  rm -f "$root/etc/apt/sources.list"
fi
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/doc" -type d -empty -delete
rm -rf "$root"/usr/share/{info,locale,man}/* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* \
  "$root"/var/cache/debconf/* "$root"/var/log/* "$root"/etc/hostname "$root"/etc/resolv.conf

# Not kept, so that the same packages make the same file: when each was unpacked.
tar -C "$root" --one-file-system --numeric-owner --sort=name --mtime=@0 -cf "$work/base.tar" .
mv "$work/base.tar" "$out"
