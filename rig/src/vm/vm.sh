#!/usr/bin/env bash
# Runs a virtual machine, and boots it again after a reboot, until SIGTERM or power-off. SIGUSR1 cuts the power and
# boots it again. Usage:
#   vm.sh FOLDER IMAGE LINK PARAMETER…
# FOLDER holds the disk, as changes to that of IMAGE. LINK is a tap device of this host. PARAMETER is one of the kernel.
set -euo pipefail
folder=$1 image=$2 link=$3
shift 3

boot='' is_stopping=no has_lost_power=no
trap 'is_stopping=yes; end_boot' TERM
trap 'has_lost_power=yes; end_boot' USR1

end_boot() {
  [ -z "$boot" ] || kill -KILL "$boot" 2>/dev/null || true
}

# The kernel's processes are in a namespace of their own: they end with the first.
start() {
  exec setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc env TMPDIR=/dev/shm \
    "$image/kernel" mem="$RCA_VM_MEMORY" ubd0="$folder/disk,$image/disk" root=/dev/ubda rw noreboot \
    vec0:transport=tap,ifname="$link",depth=64,gro=0 con=null con0=null,fd:1 ssl=null umid=vm uml_dir="$folder/" \
    net.ifnames=0 systemd.show_status=0 "$@"
}

while [ "$is_stopping" = no ]; do
  has_lost_power=no
  : >"$folder/console"
  start "$@" >"$folder/console" 2>&1 &
  boot=$!
  # A signal interrupts `wait`.
  while { wait "$boot" || true; } && kill -0 "$boot" 2>/dev/null; do :; done
  # With this network, the kernel cannot restart itself: it ends.
  grep -qa 'Restarting system' "$folder/console" || [ "$has_lost_power" = yes ] || break
done
