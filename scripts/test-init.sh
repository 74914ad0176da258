#!/usr/bin/env bash
# Makes another build of bailey-init in FOLDER, for scripts/test.js to run tests of test/init with it:
#   scripts/test-init.sh emulated FOLDER    the one for aarch64, under qemu-user (Debian's qemu-user-static)
#   scripts/test-init.sh sanitized FOLDER   one with AddressSanitizer and UndefinedBehaviorSanitizer (clang)
# Prints which tests are left out and why, and the environment that the tests need.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Left out: the names of tests, as a regular expression, and the reason behind the #.
left_out_emulated() {
  cat <<'END'
\(kernel\)$ # qemu-user 7.2 knows neither CLONE_PIDFD nor PIDFD_GET_INFO, so only the other way of reaping is there
^(options stop at|BAILEY_REAP:|not process 1:) # it refuses PR_SET_CHILD_SUBREAPER, and bailey-init says so
^(every (queued )?(fault|real-time) signal|128\+n for every signal) # it ends itself when somebody sends it SIGILL or SIGSEGV
^every queued ordinary signal # it loses the value of a queued SIGIO
^real-time signals that end # it moves real-time signals by two numbers, and the exit code with them
^the program gets the mask and the dispositions # it has handlers of its own, and keeps signals that it needs from being blocked
^a read-only root without /proc # the emulator isn't in there
^what a seccomp filter refuses # the emulator makes other system calls than the program
END
}

left_out_sanitized() {
  cat <<'END'
^a read-only root without /proc # the sanitizers need libraries and /proc/self/maps
^it needs no loader and no library # the sanitizers need both
END
}

# A program that executes the one for aarch64 in the emulator, by whatever name it is called.
build_emulated() {
  node scripts/build.js --target arm64
  # Copies: other users may not be able to go where the repository lies. The emulator's name is what /proc shows.
  cp dist/arm64/bailey-init "$1/aarch64"
  cp "$(command -v qemu-aarch64-static)" "$1/bailey-init"
  cc -static -Wall -Wextra -Werror -DEMULATOR="\"$1/bailey-init\"" -DPROGRAM="\"$1/aarch64\"" -o "$1/init" \
    test/init/emulated.c
}

build_sanitized() {
  make --silent --no-print-directory -C native sanitized OUT="$1"
  ln -s bailey-init "$1/init"
}

kind=${1-} folder=${2-}
case $kind in
emulated | sanitized) ;;
*) folder= ;;
esac
if [[ ! -d $folder ]]; then sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" >&2 && exit 64; fi

chmod 755 "$folder"
"build_$kind" "$folder" >&2

pattern=
while read -r line; do
  echo "# left out: ${line/ # /: }"
  pattern+="|${line%% # *}"
done < <("left_out_$kind")
printf '%s\n' "BAILEY_INIT=$(readlink -f "$folder/init")" "TAP_GREP=/${pattern#|}/" TAP_INVERT=1 TAP_FILTER_QUIETLY=1
