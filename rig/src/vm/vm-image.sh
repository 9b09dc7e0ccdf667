#!/usr/bin/env bash
# Creates the disk and the kernel of virtual machines in a directory, unless it exists. Changes nothing else. Needs root
# and Debian. Usage:
#   vm-image.sh FOLDER ROOT
# ROOT is a directory with a Debian that has systemd and an SSH server.
set -euo pipefail
folder=$1 root=$2

mkdir -p "${folder%/*}"
exec 9>"$folder.lock"
flock 9
[ ! -e "$folder" ] || exit 0
part=$folder.part
rm -rf --one-file-system "$part"
mkdir -p "$part"/{package,system}
trap 'rm -rf --one-file-system "$part"' EXIT

# User Mode Linux: a Linux kernel that is a program, with its modules.
(cd "$part/package" && apt-get -qq -o Acquire::Retries=5 download user-mode-linux >&2)
dpkg-deb --extract "$part"/package/*.deb "$part/package"
cp "$part/package/usr/bin/linux.uml" "$part/kernel"
ssh-keygen -q -t ed25519 -N '' -f "$part/key"

# Adds to a copy that is made of an overlay: ROOT stays unchanged.
make_disk() {
  local part=$1 root=$2 disk=$1/system/root units
  mount --make-rprivate /
  mount -t tmpfs tmpfs "$part/system"
  mkdir "$part/system"/{upper,work,root}
  mount -t overlay -o "lowerdir=$root,upperdir=$part/system/upper,workdir=$part/system/work" system "$disk"
  mkdir -p "$disk/usr/lib/modules"
  cp -a "$part"/package/usr/lib/uml/modules/* "$disk/usr/lib/modules/"
  mkdir -p -m 700 "$disk/root/.ssh"
  cp "$part/key.pub" "$disk/root/.ssh/authorized_keys"
  echo vm >"$disk/etc/hostname"
  : >"$disk/etc/fstab"
  units=$disk/etc/systemd/system
  cat >"$units/rig-network.service" <<'EOF'
[Unit]
DefaultDependencies=no
After=sysinit.target
Before=network.target ssh.service docker.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/rig-network
[Install]
WantedBy=multi-user.target
EOF
  # The addresses are parameters of the kernel.
  cat >"$disk/usr/local/sbin/rig-network" <<'EOF'
#!/bin/sh
for parameter in $(cat /proc/cmdline); do
  case $parameter in rig.*) export "${parameter#rig.}" ;; esac
done
ip link set lo up
ip address add "$address/30" dev vec0
ip link set vec0 up
printf '127.0.0.1 localhost vm\n%s host.rig\n' "$host" >/etc/hosts
# Shows a directory of the host. Changes end with the boot.
if [ -n "$share" ]; then
  mkdir -p "$share" /run/share/host /run/share/upper /run/share/work
  mount -t hostfs none /run/share/host -o "$share"
  mount -t overlay -o lowerdir=/run/share/host,upperdir=/run/share/upper,workdir=/run/share/work share "$share"
fi
EOF
  chmod 755 "$disk/usr/local/sbin/rig-network"
  mkdir -p "$units/multi-user.target.wants"
  ln -s ../rig-network.service "$units/multi-user.target.wants/"
  # There is neither hardware to look for, nor a terminal, nor another network; jobs would disturb measurements.
  for unit in apt-daily.timer apt-daily-upgrade.timer console-getty.service dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer getty@tty1.service modprobe@configfs.service modprobe@drm.service \
    modprobe@efi_pstore.service modprobe@fuse.service netavark-dhcp-proxy.service netavark-dhcp-proxy.socket \
    serial-getty@ttyS0.service systemd-networkd-wait-online.service systemd-timesyncd.service \
    systemd-udev-trigger.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udevd.service; do
    ln -sf /dev/null "$units/$unit"
  done
  # The kernel has no families of nftables.
  for name in iptables ip6tables; do
    chroot "$disk" update-alternatives --set "$name" "/usr/sbin/$name-legacy" >/dev/null
  done
  mkdir -p "$disk/etc/containers/containers.conf.d"
  printf '[network]\nfirewall_driver = "iptables"\n' >"$disk/etc/containers/containers.conf.d/rig.conf"
  mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1 -d "$disk" "$part/disk" 6G
}

export -f make_disk
unshare --mount bash -euo pipefail -c 'make_disk "$@"' bash "$part" "$root"
rm -rf --one-file-system "$part"/{package,system}
mv "$part" "$folder"
