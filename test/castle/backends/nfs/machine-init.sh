#!/bin/busybox sh
# /init of the machine that scripts/test-nfs.sh boots: loads the kernel modules, mounts the host's root folder read-only under
# an overlay, and runs the command there. The machine powers off at the end and after every error.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod "$module" || echo "$module was not loaded"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 host /host || poweroff -f
mount -t tmpfs tmpfs /layer
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work root /root || poweroff -f
for folder in proc sys dev; do mount --move /$folder /root/$folder; done
mkdir -p /root/machine/tmp
mount -t tmpfs tmpfs /root/machine
mkdir /root/machine/tmp
cp /command /root/machine/command
stty -F /root/dev/ttyS1 raw 2>/dev/null
chroot /root /bin/sh /machine/command >/root/dev/ttyS1 2>&1
echo "machine: ended with $?" >/root/dev/ttyS1
sync
poweroff -f
