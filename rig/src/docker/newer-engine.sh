#!/usr/bin/env bash
# Runs an engine of another Debian on this host's kernel, in the mount namespace of its caller. Usage:
#   newer-engine.sh ROOT FOLDER ENGINE…
# ROOT is a directory with that Debian, which stays unchanged. FOLDER is the directory of the engine. ENGINE is the
# command. Of this host's files, the engine sees /proc, /sys, FOLDER and /tmp: containers can mount these.
set -euo pipefail
root=$1 folder=$2
shift 2

mount --make-rprivate /
ip link set lo up
# Changes to the Debian end with the engine.
mkdir -p "$folder/system"
mount -t tmpfs -o mode=755 tmpfs "$folder/system"
mkdir "$folder/system"/{upper,work,root}
disk=$folder/system/root
mount -t overlay -o "lowerdir=$root,upperdir=$folder/system/upper,workdir=$folder/system/work" engine "$disk"

for name in proc sys; do mount --rbind "/$name" "$disk/$name"; done
# crun refuses a cgroup2 tree beside those of version 1 if it has a controller.
if [ -d "$disk/sys/fs/cgroup/unified" ]; then mount -t tmpfs tmpfs "$disk/sys/fs/cgroup/unified"; fi

# Creates nodes instead of binding those of the host, which an engine could change.
mount -t tmpfs -o mode=755 tmpfs "$disk/dev"
mkdir "$disk/dev"/{mqueue,net,pts,shm}
while read -r name major minor; do
  mknod -m 666 "$disk/dev/$name" c "$major" "$minor"
done <<'EOF'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
fuse 10 229
net/tun 10 200
EOF
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$disk/dev/pts"
ln -s pts/ptmx "$disk/dev/ptmx"
ln -s /proc/self/fd "$disk/dev/fd"
mount -t tmpfs tmpfs "$disk/dev/shm"
mount -t mqueue mqueue "$disk/dev/mqueue"

mount -t tmpfs -o mode=755 tmpfs "$disk/run"
mkdir "$disk/run/lock"
# Containers of an engine in the host's network namespace resolve names as the host does.
cp -L /etc/hosts /etc/resolv.conf "$disk/etc/"
for path in /tmp "$folder"; do
  mkdir -p "$disk$path"
  mount --bind "$path" "$disk$path"
done
# Without systemd, Podman creates control groups itself, and keeps logs and events in files.
mkdir -p "$disk/etc/containers"
cat >"$disk/etc/containers/containers.conf" <<'EOF'
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
log_driver = "k8s-file"
[network]
firewall_driver = "iptables"
EOF

cd "$disk"
mkdir -p .old
pivot_root . .old
mount --make-rprivate /.old
umount -l /.old
mount --make-rshared /
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PODMAN_IGNORE_CGROUPSV1_WARNING=1 "$@"
