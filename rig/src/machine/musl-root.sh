#!/usr/bin/env bash
# Creates a small system in a directory, unless it exists: busybox, bash and curl, with musl as its C library. Its
# programs are those of Debian. Needs root and Debian. Usage:
#   musl-root.sh FOLDER DEBIAN
# DEBIAN is a directory with a Debian that has curl.
set -euo pipefail
folder=$1 debian=$2

exec 9>"$folder.lock"
flock 9
[ ! -e "$folder" ] || exit 0
root=$folder.part
rm -rf --one-file-system "$root"

packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
chmod 755 "$packages"
(cd "$packages" && apt-get -qq -o Acquire::Retries=5 download bash-static busybox-static musl >&2)
for package in "$packages"/*.deb; do dpkg-deb --extract "$package" "$packages"; done

mkdir -p "$root"/{bin,dev,etc,lib,opt/curl,proc,root,run,sbin,sys,tmp,usr/{bin,lib,local/bin,sbin},var/{lib,log,tmp}}
cp "$packages/bin/busybox" "$root/bin/"
cp "$packages/bin/bash-static" "$root/bin/bash"
cp "$packages"/lib/ld-musl-* "$root/lib/"
chroot "$root" /bin/busybox --install -s
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"

# Debian's curl needs glibc: it has a copy of its own, which no other program finds.
chroot "$debian" ldd /usr/bin/curl | grep -o '/[^ ]*' | while read -r library; do
  cp -L "$debian$library" "$root/opt/curl/"
done
cp "$debian/usr/bin/curl" "$root/opt/curl/curl"
loader=$(basename "$root"/opt/curl/ld-linux*)
printf '#!/bin/sh\nexec /opt/curl/%s --library-path /opt/curl /opt/curl/curl "$@"\n' "$loader" >"$root/usr/bin/curl"
chmod 755 "$root/usr/bin/curl"
# The loader is also ldd, by that name.
ln -s "/lib/$(basename "$root"/lib/ld-musl-*)" "$root/usr/bin/ldd"
mv "$root" "$folder"
