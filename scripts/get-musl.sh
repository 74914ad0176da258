#!/bin/sh
# Downloads Debian's musl for another machine into build/musl/, where native/Makefile looks for it:
#   scripts/get-musl.sh aarch64
# Uses separate apt lists and installs nothing on the system.
set -eu
cd "$(dirname "$0")/.."
case ${1-} in
aarch64 | arm64) machine=aarch64 architecture=arm64 ;;
x86_64 | amd64) machine=x86_64 architecture=amd64 ;;
*) echo "usage: scripts/get-musl.sh aarch64|x86_64" >&2 && exit 64 ;;
esac

folder=$PWD/build/musl
rm -rf "$folder/$machine" "$folder/fetched"
mkdir -p "$folder/fetched/lists/partial" "$folder/fetched/cache/archives/partial"
cd "$folder/fetched"
for_machine() {
  apt-get --quiet --quiet --option "APT::Architecture=$architecture" --option "APT::Architectures=$architecture" \
    --option "Dir::State::Lists=$PWD/lists" --option "Dir::Cache=$PWD/cache" --option Acquire::Languages=none \
    --option APT::Sandbox::User=root "$@"
}
for_machine update
for_machine download musl-dev
dpkg-deb --extract musl-dev_*.deb .
mkdir "$folder/$machine"
mv "usr/include/$machine-linux-musl" "$folder/$machine/include"
mv "usr/lib/$machine-linux-musl" "$folder/$machine/lib"
rm -rf "$folder/fetched"
echo "build/musl/$machine: musl for $machine"
