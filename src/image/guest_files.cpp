// SPDX-License-Identifier: MIT
// The guest's scripts, for busybox sh; a process costs milliseconds under emulation, so they start
// few.
#include <image/guest_files.hpp>

namespace vmfleet::image {
namespace {

// Readiness comes first. What can be lost when it is late (the power button, disks) is ready before
// the marker; what cannot (entropy, the agent, applet links) comes after it, and before the shell.
constexpr std::string_view kInit = R"(#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=vt102
# A serial port has no size; a wide one keeps the echo of long commands in one piece.
export COLUMNS=200
# First /proc: through it the shell finds its own applets.
mount -t proc proc /proc
# Not where the kernel looks by itself: until now each of its requests would have been in vain.
echo /bin/modprobe >/proc/sys/kernel/modprobe
mount -t devtmpfs dev /dev
mount -t sysfs sys /sys
# The power button is ACPI's, or a key in the device tree.
button=button
[ ! -d /sys/firmware/devicetree/base ] || button=gpio_keys
# Without a PCI bus (microvm) the virtio devices are ACPI's.
transport=virtio_pci
[ ! -e /sys/bus/acpi/devices/LNRO0005:00 ] || transport=virtio_mmio
modprobe -qa $transport virtio_net qemu_fw_cfg $button evdev

# Drivers of the virtio devices that are there and whose number $1 accepts.
load_drivers() {
  aliases=
  for file in /sys/bus/virtio/devices/*/modalias; do
    [ -e "$file" ] && read -r alias <"$file" && case $alias in $1) aliases="$aliases $alias" ;; esac
  done
  [ -z "$aliases" ] || modprobe -qa $aliases
}
load_drivers 'virtio:d00000002v*'

given=/sys/firmware/qemu_fw_cfg/by_name/opt/vmfleet
# Before anything asks for random bytes: host keys are made of them.
[ ! -e $given/entropy/raw ] || cat $given/entropy/raw >/dev/urandom
name=tiny
read -r arguments </proc/cmdline
root= kind= flags= access=ro
for word in $arguments; do
  case $word in
    vmfleet.hostname=*) name=${word#*=} ;;
    root=*) root=${word#*=} ;;
    rootfstype=*) kind=${word#*=} ;;
    rootflags=*) flags=${word#*=}, ;;
    ro | rw) access=$word ;;
  esac
done
# A folder of the host's instead of this guest, as a kernel does that has the drivers built in.
if [ "$kind" = 9p ]; then
  modprobe -qa 9p 9pnet_virtio
  mount -t 9p -o "$flags$access" "$root" /mnt && exec switch_root /mnt /sbin/init
  echo "vmfleet: the root file system $root cannot be mounted, or has no /sbin/init"
fi
[ ! -e $given/hostname/raw ] || read -r name <$given/hostname/raw
echo "$name" >/proc/sys/kernel/hostname

for file in $given/authorized_keys/raw /etc/vmfleet/authorized_keys; do
  [ ! -e $file ] || { cat $file; echo; } >>/root/.ssh/authorized_keys
done

# The host chooses addresses on LANs, and knows the names there.
[ ! -e $given/hosts/raw ] || cat $given/hosts/raw >>/etc/hosts

ip link set lo up
nics=0
for nic in /sys/class/net/eth*; do
  [ -e "$nic" ] || continue
  read -r mac <"$nic/address"
  nic=${nic##*/}
  address=
  [ ! -e $given/addresses/raw ] || while read -r whose what; do
    [ "$whose" != "$mac" ] || address=$what
  done <$given/addresses/raw
  if [ -n "$address" ]; then
    ip addr add "$address" brd + dev "$nic"
    ip link set "$nic" up
    continue
  fi
  nics=$((nics + 1))
  # Three tries a second apart, then on in the background.
  udhcpc -i "$nic" -s /etc/vmfleet/lease -x "hostname:$name" -t 3 -T 1 -A 5 -b >/dev/null 2>&1 &
done
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
# -R: a host key is made when the first client asks, so that nobody waits for it here.
sshd=missing
[ ! -x /usr/sbin/dropbear ] || { sshd=silent; dropbear -R -s; }

# Of several networks the first address is enough: the others may be LANs that give none.
leased() { set -- /run/lease.*; [ -e "$1" ]; }
if [ $nics = 1 ]; then
  wait
else
  tries=$((nics * 60))
  while [ $tries -gt 0 ] && ! leased; do tries=$((tries - nics)); sleep 0.05; done
fi
[ $nics = 0 ] || leased || echo "vmfleet: no network has given an address yet"

# Opened here, so that a press from now on is kept until it is read.
for event in /sys/class/input/event*; do
  [ -e "$event" ] && read -r label <"$event/device/name" || continue
  case $label in "Power Button" | gpio-keys) ;; *) continue ;; esac
  exec 3<"/dev/input/${event##*/}"
  { dd bs=24 count=1 <&3 >/dev/null 2>&1; /etc/vmfleet/halt poweroff; } &
  exec 3<&-
  break
done

for table in /proc/net/tcp /proc/net/tcp6; do
  [ $sshd != silent ] || while read -r _ address _ state _; do
    case ${address##*:}/$state in 0016/0A) sshd=up ;; esac
  done <$table
done
case $sshd in
  silent) echo "vmfleet: sshd does not listen" ;;
  *) echo "vmfleet: guest ready" ;;
esac

echo 1 >/proc/sys/kernel/sysrq
# Whoever runs a hundred pays for each that wakes by itself to tidy up its memory.
cd /proc/sys/vm
[ ! -e compaction_proactiveness ] || echo 0 >compaction_proactiveness
[ ! -e stat_interval ] || echo 60 >stat_interval
cd /
load_drivers 'virtio:*'
modprobe -qa pvpanic_pci
busybox --install -s 2>/dev/null
[ ! -d /sys/class/virtio-ports ] || [ ! -x /usr/sbin/qemu-ga ] || /etc/vmfleet/agent &
exec /sbin/init
)";

// The ports' names appear some time after their driver; without a guest agent's port none comes.
constexpr std::string_view kAgent = R"(#!/bin/sh
port=/dev/virtio-ports/org.qemu.guest_agent.0
identity=/dev/virtio-ports/org.vmfleet.identity.0
mkdir -p /dev/virtio-ports
tries=0
while [ ! -e $port ] && [ $tries -lt 40 ]; do
  [ $tries = 0 ] || sleep 0.05
  tries=$((tries + 1))
  for entry in /sys/class/virtio-ports/*; do
    [ -e "$entry/name" ] && read -r name <"$entry/name" && [ -n "$name" ] || continue
    [ -e "/dev/virtio-ports/$name" ] || ln -s "../${entry##*/}" "/dev/virtio-ports/$name"
  done
done
# It has its number, and so its name, before the agent's.
[ ! -e $identity ] || [ ! -x /etc/vmfleet/renew ] || /etc/vmfleet/renew $identity &
[ -e $port ] || exit
exec </dev/null >/dev/null 2>&1
[ -x /etc/vmfleet/relay ] || exec qemu-ga -m virtio-serial -p $port
listener=/run/agent.sock
exec /etc/vmfleet/relay $port $listener /usr/sbin/qemu-ga -m unix-listen -p $listener
)";

constexpr std::string_view kLease = R"(#!/bin/sh
case $1 in
  deconfig)
    [ ! -e "/run/lease.$interface" ] || ip addr flush dev "$interface"
    ip link set "$interface" up
    ;;
  bound | renew)
    ip addr replace "$ip/${mask:-24}" dev "$interface"
    # The first card's router is preferred.
    read -r metric <"/sys/class/net/$interface/ifindex"
    [ -z "$router" ] ||
      ip route replace default via "${router%% *}" dev "$interface" metric "$metric"
    for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
    echo "$ip" >"/run/lease.$interface"
    ;;
esac
)";

constexpr std::string_view kHalt = R"(#!/bin/sh
sync
umount -a -r 2>/dev/null
exec busybox "$1" -f
)";

constexpr std::string_view kShutdown = R"(#!/bin/sh
for word; do
  case $word in -r) exec /etc/vmfleet/halt reboot ;; -H) exec /etc/vmfleet/halt halt ;; esac
done
exec /etc/vmfleet/halt poweroff
)";

constexpr std::string_view kInittab = R"(::respawn:/bin/cttyhack /bin/sh -l
::ctrlaltdel:/etc/vmfleet/halt reboot
::shutdown:/bin/umount -a -r
)";

constexpr std::string_view kProfile = R"(export PATH=/usr/sbin:/usr/bin:/sbin:/bin PS1='\h:\w# '
export HOME=/root
cd
)";

constexpr std::string_view kPasswd = "root:*:0:0:root:/root:/bin/sh\n";
constexpr std::string_view kGroup = "root:x:0:\ntty:x:5:\n";

}  // namespace

const std::array<GuestFile, 9> kGuestFiles{{
    {"init", 0755, kInit},
    {"etc/vmfleet/agent", 0755, kAgent},
    {"etc/vmfleet/lease", 0755, kLease},
    {"etc/vmfleet/halt", 0755, kHalt},
    {"sbin/shutdown", 0755, kShutdown},
    {"etc/inittab", 0644, kInittab},
    {"etc/profile", 0644, kProfile},
    {"etc/passwd", 0644, kPasswd},
    {"etc/group", 0644, kGroup},
}};

}  // namespace vmfleet::image
