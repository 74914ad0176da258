#!/usr/bin/env bash
# The backend nfs on the real thing: boots Debian's kernel in an emulated machine with this machine's root as its own,
# read-only under a layer in memory, starts the kernel's NFS server there, and runs test/nfs with the castle of dist/. Root
# has every capability there, so what needs CAP_SYS_RESOURCE is tested with it:
#
#   scripts/test-nfs.sh                  after npm run pretest; prints TAP, exits 1 when something failed
#   scripts/test-nfs.sh kills [TEXT]     kills the castle at every step instead, of the operations whose names have TEXT; hours
#   scripts/test-nfs.sh shell COMMAND    runs that in the machine instead
#
# Needs qemu-system-x86 and busybox-static. The kernel and the server come as Debian packages, which are unpacked into a
# folder of their own, not installed: they would change how this machine boots and what it serves.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# How long the machine may run, in seconds, before it counts as hanging: without KVM it is some ten times slower than this one, and more on a busy host.
bound=${BAILEY_NFS_SECONDS:-7200}
packages=build/nfs-machine
scratch=$(mktemp -d "${TMPDIR:-/tmp}/bailey-nfs.XXXXXX")
machine=

finish() {
  # timeout passes it on, and ends after the machine.
  if [[ -n $machine ]]; then kill "$machine" 2>/dev/null && wait "$machine" || true; fi
  rm -rf --one-file-system "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The kernel that linux-image-amd64 stands for, if apt knows it.
current_kernel() { apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: //p' | head -n 1; }

# That kernel, and what an NFS server is made of; once.
fetch_packages() {
  local kernel
  kernel=$(current_kernel)
  if [[ -z $kernel ]]; then
    apt-get --quiet=2 update >&2
    kernel=$(current_kernel)
  fi
  if [[ $(cat "$packages/kernel" 2>/dev/null) == "$kernel" ]]; then return 0; fi
  rm -rf "$packages" "$packages.new"
  mkdir -p "$packages.new/debs" "$packages.new/root"
  (
    cd "$packages.new/debs"
    # As root: the folder may be one that apt's own user does not reach.
    apt-get --quiet=2 --option APT::Sandbox::User=root download "$kernel" nfs-kernel-server libwrap0
  ) >&2
  local deb
  for deb in "$packages.new"/debs/*.deb; do dpkg-deb --extract "$deb" "$packages.new/root"; done
  rm -r "$packages.new/debs"
  # Which module needs which: the package leaves that to its installation.
  busybox depmod -b "$packages.new/root" "${kernel#linux-image-}"
  echo "$kernel" >"$packages.new/kernel"
  mv "$packages.new" "$packages"
}

# modules_for NAME...: their files and those that they need, in the order in which they are loaded.
modules_for() {
  local folder name needs
  folder=$(echo "$packages"/root/lib/modules/*)
  declare -A known=()
  visit() {
    local path=$1 need
    if [[ -n ${known[$path]:-} ]]; then return 0; fi
    known[$path]=yes
    needs=$(sed -n "s|^$path: *||p" "$folder/modules.dep")
    for need in $needs; do visit "$need"; done
    echo "$folder/$path"
  }
  for name in "$@"; do
    visit "$(sed -n "s|^\([^:]*/$name\.ko[^:]*\):.*|\1|p" "$folder/modules.dep" | head -n 1)"
  done
}

# The first file system of the machine: busybox, the modules, and what hands over to the one that is shared with it.
make_initramfs() {
  local root=$scratch/initramfs number=0 module
  mkdir -p "$root"/{bin,modules,host,layer,root,proc,sys,dev}
  cp "$(command -v busybox)" "$root/bin/busybox"
  for module in $(modules_for virtio_pci 9pnet_virtio 9p overlay nfsv4 nfsd loop crc32c_generic ext4); do
    number=$((number + 1))
    cp "$module" "$root/modules/$(printf '%02d' "$number")-${module##*/}"
  done
  cp test/castle/backends/nfs/machine-init.sh "$root/init"
  cp "$scratch/command" "$root/command"
  (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$scratch/initramfs.cpio"
}

fetch_packages
case ${1:-tests} in
  tests) command="node build/test/castle/backends/nfs/all.machine.js" ;;
  kills)
    bound=${BAILEY_NFS_SECONDS:-14400}
    command="CASTLE_KILL=$(printf '%q' "${2:-}") node build/test/castle/backends/nfs/kills.machine.js"
    ;;
  shell) command=$2 ;;
esac
{
  printf 'cd %q || exit 1\n' "$PWD"
  printf 'export PATH=%q TMPDIR=/machine/tmp CI=%q TAP_TIMEOUT=0 BAILEY_TEST_SLOWNESS=5\n' "$PATH" "${CI:-}"
  printf 'packages=%q\n. test/castle/backends/nfs/machine-start.sh\n' "$PWD/$packages/root"
  printf '%s\n' "$command"
} >"$scratch/command"
make_initramfs

# What the machine says of itself goes to one serial line, what the command prints to the other. no_timer_check: on a busy
# host the kernel takes a late tick for a broken timer, and stops.
# pdeathsig: a script that is killed with SIGKILL takes the machine along.
setpriv --pdeathsig TERM timeout --kill-after=10 "$bound" qemu-system-x86_64 -accel tcg,thread=multi -cpu max \
  -smp "${BAILEY_NFS_CPUS:-2}" -m 1536 -no-reboot -nodefaults -display none -nic none \
  -serial "file:$scratch/console" -serial "file:$scratch/said" \
  -fsdev local,id=host,path=/,security_model=passthrough,readonly=on,multidevs=remap \
  -device virtio-9p-pci,fsdev=host,mount_tag=host \
  -kernel "$packages"/root/boot/vmlinuz-* -initrd "$scratch/initramfs.cpio" \
  -append 'console=ttyS0 quiet panic=-1 no_timer_check' &
machine=$!
code=0
wait "$machine" || code=$?
machine=
tr -d '\r' <"$scratch/said" | grep -v '^machine: ' || true
status=$(tr -d '\r' <"$scratch/said" | sed -n 's/^machine: ended with //p')
if [[ $status != 0 ]]; then
  echo "# the machine ended with ${status:-nothing to say} (qemu: $code); its console:" >&2
  tr -d '\r' <"$scratch/console" | tail -n 40 >&2
  exit 1
fi
