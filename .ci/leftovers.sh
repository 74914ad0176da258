# Finds what tests must not leave behind. Sourced.
#
# Every program that .ci/run starts inherits the variable BAILEY_CI_RUN, which distinguishes its processes from others on the
# same machine.

# Records the mounts and loop devices that exist before the tests.
record_mounts_and_loops() {
  mounts >"$scratch/mounts.before"
  loop_devices >"$scratch/loops.before"
}

# Prints what was created since and not removed; false when there is anything.
nothing_left_behind() {
  local tries found
  # Processes that a test has killed may need some time to end.
  for ((tries = 0; tries < 100; tries++)); do
    found=$(leftovers)
    if [[ -z $found ]]; then return 0; fi
    sleep 0.1
  done
  echo "$found"
  return 1
}

leftovers() {
  marked_processes
  docker ps --all --format 'container {{.ID}} {{.Image}} {{.Status}}'
  docker image ls --format 'image {{.Repository}}:{{.Tag}}' --filter 'reference=bailey-test/*'
  docker volume ls --format 'docker volume {{.Name}}'
  mounts | comm -13 "$scratch/mounts.before" - | sed 's/^/mount /'
  loop_devices | comm -13 "$scratch/loops.before" - | sed 's/^/loop device /'
  find "$TMPDIR" -mindepth 1 -maxdepth 1 \( -name 'bailey*' -o -name 'castle*' \) -printf 'temporary %p\n'
  git status --porcelain | sed 's/^/in the tree: /'
}

# Subshells of this script have its initial environment in /proc, without the variable. grep would have the variable, so it is
# unset for it.
marked_processes() {
  local file
  for file in $(env -u BAILEY_CI_RUN grep -lsz "^BAILEY_CI_RUN=$scratch\$" /proc/[0-9]*/environ); do
    echo "process ${file//[!0-9]/} $(tr '\0' ' ' 2>/dev/null <"${file%environ}cmdline")"
  done
}

# Kills the processes that tests have left, by pid.
end_marked_processes() {
  local pid
  while read -r _ pid _; do kill -KILL "$pid" 2>/dev/null || true; done < <(marked_processes)
}

mounts() { awk -v own="$scratch/engine/" 'index($5, own) != 1 { print $5 }' /proc/self/mountinfo | sort; }
loop_devices() { losetup --list --noheadings --output NAME,BACK-FILE | sort; }
