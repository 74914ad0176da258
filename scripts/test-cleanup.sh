#!/bin/sh
# Cleans up after a run of tests (scripts/test.js), however the run ended: test-cleanup.sh FOLDER
#
# Only the runner has the other end of the pipe on standard input, so the pipe closes when the runner ends, also by SIGKILL.
# Then this script ends the processes that the tests left (they have BAILEY_TEST_RUN=FOLDER in their environment), removes
# their mounts and loop devices below FOLDER, and removes FOLDER. Its path may have blanks and brackets.
trap '' INT TERM HUP
cat >/dev/null
folder=$1

remaining_pids() {
  grep -lszxF "BAILEY_TEST_RUN=$folder" /proc/[0-9]*/environ | sed 's|^/proc/\([0-9]*\)/.*|\1|'
}

tries=0
while pids=$(remaining_pids) && [ -n "$pids" ] && [ "$tries" -lt 50 ]; do
  # shellcheck disable=SC2086 # one word each
  kill -KILL $pids 2>/dev/null
  tries=$((tries + 1))
  sleep 0.1
done
# Inner mounts first, then the loop devices under them. findmnt decodes paths: the kernel writes a blank as \040.
findmnt --list --noheadings --output TARGET | sort -r |
  while IFS= read -r mount; do
    case $mount in
      "$folder"/*) umount "$mount" 2>/dev/null || umount --lazy "$mount" 2>/dev/null ;;
    esac
  done
losetup --list --noheadings --output NAME,BACK-FILE 2>/dev/null |
  while read -r device file; do
    case $file in "$folder"/*) losetup --detach "$device" ;; esac
  done
# Links that give something in FOLDER a shorter path.
for link in /tmp/*; do
  if [ -L "$link" ]; then
    case $(readlink "$link") in "$folder"/*) rm "$link" ;; esac
  fi
done
rm -rf --one-file-system "$folder"
