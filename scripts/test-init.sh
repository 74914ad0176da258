#!/usr/bin/env bash
# Makes another build of bailey-init in FOLDER, for which scripts/test.js runs tests of test/init:
#   scripts/test-init.sh emulated FOLDER    for aarch64, under qemu-user (Debian's qemu-user-static)
#   scripts/test-init.sh sanitized FOLDER   with AddressSanitizer and UndefinedBehaviorSanitizer (clang)
# Prints which tests are left out and why, and the environment variables for the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The tests to leave out: a regular expression for their names, then # and the reason.
left_out_emulated() {
  cat <<'END'
\(kernel\)$ # qemu-user 7.2 has neither CLONE_PIDFD nor PIDFD_GET_INFO, so bailey-init reaps with waitpid
^(options end at|BAILEY_REAP:|when bailey-init is not process 1, --grace|bailey-init that is not process 1) # qemu-user refuses PR_SET_CHILD_SUBREAPER, and bailey-init reports that
^(every (queued )?(fault|real-time) signal|a program that any signal n ends) # qemu-user exits when it receives SIGILL or SIGSEGV
^every queued ordinary signal # qemu-user loses the value of a queued SIGIO
^real-time signals that end # qemu-user shifts real-time signals by two numbers, and the exit code with them
^the program gets the signal mask and the dispositions # qemu-user has signal handlers, and does not let its signals be blocked
^bailey-init works on a read-only root # the emulator is not in that root folder
^bailey-init falls back to other system calls # the emulator makes other system calls than the program
END
}

left_out_sanitized() {
  cat <<'END'
^bailey-init works on a read-only root # the sanitizers need libraries and /proc/self/maps
^bailey-init needs no loader and no library # the sanitizers need both
END
}

# Builds a program that executes bailey-init for aarch64 in the emulator and passes its own name on.
build_emulated() {
  node scripts/build.js --target arm64
  # Copies, because other users may have no access to the repository. /proc shows the name of the emulator's file.
  cp dist/arm64/bailey-init "$1/aarch64"
  cp "$(command -v qemu-aarch64-static)" "$1/bailey-init"
  cc -static -Wall -Wextra -Werror -DEMULATOR="\"$1/bailey-init\"" -DPROGRAM="\"$1/aarch64\"" -o "$1/init" \
    test/init/run-emulated.c
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
