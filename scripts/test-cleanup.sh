#!/bin/sh
# Cleans up after a run of tests (scripts/test.js), however the run ended: test-cleanup.sh FOLDER
#
# Only the runner has the other end of the pipe on standard input, so the pipe closes when the runner ends, also by SIGKILL.
# Then this script ends the processes that the tests left (they have BAILEY_TEST_RUN=FOLDER in their environment), removes
# their mounts and loop devices below FOLDER, and removes FOLDER.
trap '' INT TERM HUP
cat >/dev/null
folder=$1

remaining_pids() {
  grep -lsz "^BAILEY_TEST_RUN=$folder\$" /proc/[0-9]*/environ | sed 's|^/proc/\([0-9]*\)/.*|\1|'
}

tries=0
while pids=$(remaining_pids) && [ -n "$pids" ] && [ "$tries" -lt 50 ]; do
  # shellcheck disable=SC2086 # one word each
  kill -KILL $pids 2>/dev/null
  tries=$((tries + 1))
  sleep 0.1
done
# Inner mounts first, then the loop devices under them.
awk -v below="$folder/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
  while read -r mount; do umount "$mount" 2>/dev/null || umount --lazy "$mount" 2>/dev/null; done
losetup --list --noheadings --output NAME,BACK-FILE 2>/dev/null |
  while read -r device file; do
    case $file in "$folder"/*) losetup --detach "$device" ;; esac
  done
# Links that give something in FOLDER a shorter path.
find /tmp -maxdepth 1 -type l -lname "$folder/*" -delete
rm -rf --one-file-system "$folder"
