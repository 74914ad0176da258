#!/usr/bin/env bash
# Tests the backend nfs with a real NFS server: boots Debian's kernel in an emulated machine, starts the kernel's NFS server
# there, and runs test/castle/backends/nfs/*.machine.ts with the castle of dist/. The machine shares this host's root folder,
# read-only, under an overlay in memory. Its root has every capability, so tests that need CAP_SYS_RESOURCE run there as well:
#
#   scripts/test-nfs.sh                  prints TAP; exit code 1 when a test failed. Run `npm run pretest` before
#   scripts/test-nfs.sh kills [TEXT]     instead kills the castle at every step of the operations whose names contain TEXT;
#                                        takes hours
#   scripts/test-nfs.sh shell COMMAND    instead runs a shell command in the machine
#
# Needs qemu-system-x86 and busybox-static. The kernel and the NFS server are Debian packages that are only unpacked into
# build/: an installation would change the boot and the services of this host.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# After this time, in seconds, the machine counts as hanging. Without KVM it is about ten times slower than its host.
time_limit=${BAILEY_NFS_SECONDS:-7200}
packages=build/nfs-machine
scratch=$(mktemp -d "${TMPDIR:-/tmp}/bailey-nfs.XXXXXX")
machine=

finish() {
  # timeout(1) forwards SIGTERM to the machine and exits after it.
  if [[ -n $machine ]]; then kill "$machine" 2>/dev/null && wait "$machine" || true; fi
  rm -rf --one-file-system "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Prints the kernel package on which linux-image-amd64 depends; nothing when apt has no package lists.
current_kernel() { apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: //p' | head -n 1; }

# Downloads and unpacks that kernel and the NFS server, unless this was done before.
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
    # As root, because apt's own user may have no access to the folder.
    apt-get --quiet=2 --option APT::Sandbox::User=root download "$kernel" nfs-kernel-server libwrap0
  ) >&2
  local deb
  for deb in "$packages.new"/debs/*.deb; do dpkg-deb --extract "$deb" "$packages.new/root"; done
  rm -r "$packages.new/debs"
  # The installation of the package would create modules.dep, the list of dependencies between modules.
  busybox depmod -b "$packages.new/root" "${kernel#linux-image-}"
  echo "$kernel" >"$packages.new/kernel"
  mv "$packages.new" "$packages"
}

# modules_for NAME...: prints the files of kernel modules and of their dependencies, in the order in which to load them.
modules_for() {
  local folder name dependencies
  folder=$(echo "$packages"/root/lib/modules/*)
  declare -A printed=()
  print_with_dependencies() {
    local path=$1 dependency
    if [[ -n ${printed[$path]:-} ]]; then return 0; fi
    printed[$path]=yes
    dependencies=$(sed -n "s|^$path: *||p" "$folder/modules.dep")
    for dependency in $dependencies; do print_with_dependencies "$dependency"; done
    echo "$folder/$path"
  }
  for name in "$@"; do
    print_with_dependencies "$(sed -n "s|^\([^:]*/$name\.ko[^:]*\):.*|\1|p" "$folder/modules.dep" | head -n 1)"
  done
}

# Creates the initramfs of the machine: busybox, the modules, and an /init that mounts the shared root folder.
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
    time_limit=${BAILEY_NFS_SECONDS:-14400}
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

# The first serial line is the console, the second one has the output of the command. no_timer_check: on a busy host a late
# tick would make the kernel panic about a broken timer. pdeathsig: the machine also ends when SIGKILL ends this script.
setpriv --pdeathsig TERM timeout --kill-after=10 "$time_limit" qemu-system-x86_64 -accel tcg,thread=multi -cpu max \
  -smp "${BAILEY_NFS_CPUS:-2}" -m 1536 -no-reboot -nodefaults -display none -nic none \
  -serial "file:$scratch/console" -serial "file:$scratch/output" \
  -fsdev local,id=host,path=/,security_model=passthrough,readonly=on,multidevs=remap \
  -device virtio-9p-pci,fsdev=host,mount_tag=host \
  -kernel "$packages"/root/boot/vmlinuz-* -initrd "$scratch/initramfs.cpio" \
  -append 'console=ttyS0 quiet panic=-1 no_timer_check' &
machine=$!
code=0
wait "$machine" || code=$?
machine=
tr -d '\r' <"$scratch/output" | grep -v '^machine: ' || true
status=$(tr -d '\r' <"$scratch/output" | sed -n 's/^machine: ended with //p')
if [[ $status != 0 ]]; then
  echo "# the command in the machine ended with ${status:-no exit code} (exit code of qemu: $code); the console:" >&2
  tr -d '\r' <"$scratch/console" | tail -n 40 >&2
  exit 1
fi
