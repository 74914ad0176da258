# A container engine with its own socket and folders, which is independent of another engine on this machine and can be
# removed completely. Sourced.

engine_pid=

# Starts dockerd and returns when it answers. Its init for `docker run --init` is bailey-init. It has neither a bridge nor
# iptables rules: the containers of the tests need no network.
start_engine() {
  local home=$scratch/engine
  mkdir -p "$home"
  export DOCKER_HOST=unix://$home/docker.sock
  # In its own session, so that ^C does not reach dockerd, which this script then stops. Without BAILEY_CI_RUN, so that it
  # does not count as a leftover (leftovers.sh).
  env -u BAILEY_CI_RUN setsid dockerd --host "$DOCKER_HOST" --pidfile "$home/pid" \
    --data-root "$home/data" --exec-root "$home/exec" --exec-opt native.cgroupdriver=cgroupfs \
    --init-path "$PWD/dist/docker-init" --bridge none --iptables=false --ip6tables=false >"$home/log" 2>&1 &
  engine_pid=$!
  local tries
  for ((tries = 0; tries < 600; tries++)); do
    if docker version >/dev/null 2>&1; then
      docker version --format 'engine {{.Server.Version}}, client {{.Client.Version}}'
      return 0
    fi
    if ! kill -0 "$engine_pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo 'dockerd does not answer; its log:'
  tail -n 40 "$home/log"
  return 1
}

# Removes every container, ends dockerd, and removes the mounts that dockerd has left below its folders.
stop_engine() {
  local home=$scratch/engine containers tries mount
  if [[ -z $engine_pid ]]; then return 0; fi
  containers=$(timeout 60 docker ps --all --quiet 2>/dev/null) || true
  # Ids contain no spaces, so each one becomes one argument.
  # shellcheck disable=SC2086
  if [[ -n $containers ]]; then timeout 120 docker rm --force --volumes $containers >/dev/null || true; fi
  kill -TERM "$engine_pid" 2>/dev/null || true
  for ((tries = 0; tries < 600; tries++)); do
    if ! kill -0 "$engine_pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  kill -KILL "$engine_pid" 2>/dev/null || true
  wait "$engine_pid" 2>/dev/null || true
  engine_pid=
  # Inner mounts first.
  while read -r mount; do umount "$mount" || true; done < <(mounts_below "$home" | sort --reverse)
}

# mounts_below FOLDER
mounts_below() {
  awk -v folder="$1/" 'index($5, folder) == 1 { print $5 }' /proc/self/mountinfo
}
