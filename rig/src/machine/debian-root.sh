#!/usr/bin/env bash
# Creates a minimal Debian in a directory, from the mirror that this machine's apt uses, unless the directory exists.
# Changes nothing else. Needs root, Debian and mmdebstrap. Usage:
#   debian-root.sh FOLDER SUITE [PACKAGE…]
# SUITE is a release of Debian, such as trixie.
set -euo pipefail
folder=$1 suite=$2
shift 2

mkdir -p "${folder%/*}"
exec 9>"$folder.lock"
flock 9
[ ! -e "$folder" ] || exit 0
rm -rf --one-file-system "$folder.part"

own_suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(SITE)' 'Created-By: Packages' |
  awk -v suite="$own_suite" '$1 == suite && $2 == "main" { print $3; exit }')
[ -n "$mirror" ] || { echo "apt has no mirror of $own_suite main" >&2 && exit 1; }
packages=$(IFS=, && echo "$*")
# Mounts and processes end with the program, also if it fails.
unshare --mount --pid --fork --kill-child --mount-proc nice mmdebstrap --quiet --mode=root --variant=minbase \
  --aptopt='Acquire::Retries "5"' ${packages:+"--include=$packages"} "$suite" "$folder.part" "$mirror" >&2
# Each machine gets an id of its own at its first boot, and has no network beyond this host, and no terminal.
: >"$folder.part/etc/machine-id"
: >"$folder.part/etc/resolv.conf"
if [ -d "$folder.part/etc/systemd/system" ]; then
  ln -s /dev/null "$folder.part/etc/systemd/system/console-getty.service"
fi
if [ -e "$folder.part/etc/inittab" ]; then sed -i '/getty/d' "$folder.part/etc/inittab"; fi
mv "$folder.part" "$folder"
