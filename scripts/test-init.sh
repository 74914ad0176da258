#!/usr/bin/env bash
# Runs the tests of test/init with another build of bailey-init, and says what it leaves out and why:
#   scripts/test-init.sh emulated [OPTION...]    the one for aarch64, under qemu-user (Debian's qemu-user-static)
#   scripts/test-init.sh sanitized [OPTION...]   one with AddressSanitizer and UndefinedBehaviorSanitizer (clang)
# OPTION is tap's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Files of test/init; the others compare with programs of this machine, or are about this build.
tests_emulated() { echo command-line exit-codes signals surroundings zombies; }
tests_sanitized() { echo command-line dialects exit-codes options signals surroundings zombies; }

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

kind=${1-}
case $kind in
emulated | sanitized) shift ;;
*) sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" >&2 && exit 64 ;;
esac

folder=$(mktemp -d "${TMPDIR:-/tmp}/bailey-init.XXXXXX")
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
"build_$kind" "$folder"
node scripts/build.js --tests >/dev/null

pattern=
while read -r line; do
  echo "# left out: ${line/ # /: }"
  pattern+="|${line%% # *}"
done < <("left_out_$kind")
# shellcheck disable=SC2046 # one word each
BAILEY_INIT=$(readlink -f "$folder/init") node_modules/.bin/tap --invert --grep="/${pattern#|}/" --filter-quietly "$@" \
  $(printf 'build/test/init/%s.test.js ' $("tests_$kind"))
