#!/usr/bin/env bash
# Runs a machine in namespaces of this host's kernel, and boots it again after a reboot, until SIGTERM or power-off.
# SIGUSR1 cuts the power and boots it again. Runs in the machine's network namespace, which outlives its boots. Usage:
#   machine.sh supervise FOLDER ROOT CGROUP HOST_ADDRESS INIT…
# FOLDER holds the disk, an overlay of ROOT, and `init.pid`: the process id of the machine's first process on this host
# while it runs. INIT is that process. CGROUP is a directory of the cgroup2 tree. `share` in FOLDER may hold the path of
# a directory of this host that the machine sees; its changes there are its own.
#
# Real: the init system, services and their sandboxes, users, the journal, reboot, uptime, boot id, processes, network,
# mounts, host name. Not real: the kernel, /proc/cpuinfo and disks are those of this host; sysctls other than those of
# the network are read-only; there is no udev and no kernel log; the cgroup2 tree has controllers only if this host
# uses them there.
set -euo pipefail
step=$1 folder=$2 root=$3 cgroup=$4 host_address=$5
shift
self=("$BASH" "${BASH_SOURCE[0]}")

# Exit code of a process that SIGHUP ended. The kernel ends a namespace's first process with SIGHUP when it reboots,
# and with SIGINT when it powers off.
REBOOTED=129

ENVIRONMENT=(container=lxc PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)

supervise() {
  local boot='' code is_stopping=no has_lost_power uptime
  trap 'is_stopping=yes; end_boot' TERM
  trap 'has_lost_power=yes; end_boot' USR1
  # The caller moves the link into this network namespace.
  until [ "$is_stopping" = yes ] || ip link show eth0 up 2>/dev/null | grep -q eth0; do sleep 0.05; done
  until [ "$is_stopping" = yes ]; do
    mkdir -p "$cgroup"
    has_lost_power=no
    # An init system may shut the links down before it reboots.
    ip link set lo up
    ip link set eth0 up
    uptime=$(cut -d. -f1 /proc/uptime)
    setpriv --pdeathsig KILL unshare --mount --pid --ipc --uts --time --boottime "-$uptime" --monotonic "-$uptime" \
      --fork --kill-child "${self[@]}" boot "$@" &
    boot=$!
    # A signal interrupts `wait`.
    while { code=0 && wait "$boot" || code=$?; } && kill -0 "$boot" 2>/dev/null; do :; done
    rm -f "$folder/init.pid"
    echo "the machine ended with $code"
    find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
    [ "$code" = "$REBOOTED" ] || [ "$has_lost_power" = yes ] || break
  done
}

end_boot() {
  kill -KILL "$(cat "$folder/init.pid" 2>/dev/null || echo "$boot")" 2>/dev/null || true
}

# First process of the new process namespace.
boot() {
  echo 0 >"$cgroup/cgroup.procs"
  exec unshare --cgroup "${self[@]}" become "$@"
}

become() {
  local disk=$folder/root pid
  shift 4
  # /proc is still that of the host.
  read -r pid _ </proc/self/stat
  mount --make-rprivate /
  mount -t overlay -o "lowerdir=$root,upperdir=$folder/upper,workdir=$folder/work" machine "$disk"
  mount_kernel_files "$disk"
  make_devices "$disk/dev"
  mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$disk/run"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$disk/tmp"
  cat /proc/sys/kernel/random/uuid >"$disk/run/boot_id"
  bind_read_only "$disk/run/boot_id" "$disk/proc/sys/kernel/random/boot_id"
  name_machine "$disk/etc"
  if [ -s "$folder/share" ]; then share "$(cat "$folder/share")" "$disk"; fi
  drop_services "$disk/etc"
  echo "$pid" >"$folder/init.pid.part"
  mv "$folder/init.pid.part" "$folder/init.pid"
  cd "$disk"
  mkdir -p .old
  # Device nodes, the clock, the kernel's log and modules are those of the host. After `pivot_root`, programs are those
  # of the machine.
  exec setpriv --bounding-set=-mknod,-sys_time,-sys_module,-sys_rawio,-syslog sh -c 'pivot_root . .old && cd / &&
    umount -l /.old && rmdir /.old && mount --make-rshared / && exec env -i "$@" </dev/null' sh "${ENVIRONMENT[@]}" "$@"
}

mount_kernel_files() {
  local disk=$1 file
  mount -t proc -o nosuid,nodev,noexec proc "$disk/proc"
  mount --bind "$disk/proc/sys" "$disk/proc/sys"
  mount --bind "$disk/proc/sys/net" "$disk/proc/sys/net"
  mount -o remount,ro,bind "$disk/proc/sys"
  for file in acpi bus fs irq scsi sysrq-trigger; do
    [ ! -e "$disk/proc/$file" ] || bind_read_only "$disk/proc/$file" "$disk/proc/$file"
  done
  mount -t sysfs -o nosuid,nodev,noexec sysfs "$disk/sys"
  mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$disk/sys/fs/cgroup"
  mount -o remount,ro,bind "$disk/sys"
}

# Creates nodes instead of binding those of the host: an init system changes owner and mode of its console.
make_devices() {
  local dev=$1 name major minor
  mount -t tmpfs -o mode=755,nosuid tmpfs "$dev"
  mkdir "$dev/pts" "$dev/shm"
  while read -r name major minor; do
    mknod -m 666 "$dev/$name" c "$major" "$minor"
  done <<<'null 1 3
console 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0'
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$dev/pts"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$dev/shm"
  ln -s pts/ptmx "$dev/ptmx"
  ln -s /proc/self/fd "$dev/fd"
  ln -s fd/0 "$dev/stdin"
  ln -s fd/1 "$dev/stdout"
  ln -s fd/2 "$dev/stderr"
}

name_machine() {
  local name=${folder##*/}
  [ -s "$1/machine-id" ] || tr -d - </proc/sys/kernel/random/uuid >"$1/machine-id"
  echo "$name" >"$1/hostname"
  echo "$name" >/proc/sys/kernel/hostname
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n%s host.rig\n' "$name" "$host_address" >"$1/hosts"
}

# Shows a directory of this host. Changes end with the boot.
share() {
  local path=$1 disk=$2 changes=$2/run/share
  mkdir -p "$disk$path" "$changes"/{upper,work}
  mount -t overlay -o "lowerdir=$path,upperdir=$changes/upper,workdir=$changes/work" share "$disk$path"
}

# Debian's services for disks, kernel settings, the clock and the console, which a machine does not have. With OpenRC,
# they take most of the time of a boot.
drop_services() {
  local name
  [ -d "$1/runlevels" ] || return 0
  for name in bootlogs bootmisc.sh brightness checkfs.sh checkroot-bootclean.sh checkroot.sh hwclock.sh mount-configfs \
    mountall-bootclean.sh mountall.sh mountdevsubfs.sh mountkernfs.sh mountnfs-bootclean.sh mountnfs.sh procps rc.local \
    rmnologin urandom; do
    rm -f "$1/init.d/$name" "$1"/runlevels/*/"$name"
  done
}

bind_read_only() {
  mount --bind "$1" "$2"
  mount -o remount,ro,bind "$2"
}

"$step" "$@"
