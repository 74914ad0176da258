# A container engine of our own, on its own socket and folders: what else runs on the machine is not touched, and all of
# it can go afterwards. Sourced.

engine_pid=

# Starts dockerd and returns when it answers. What `docker run --init` gives its containers is ours. Without a bridge and without iptables: the tests need no network of theirs.
start_engine() {
  local home=$scratch/engine
  mkdir -p "$home"
  export DOCKER_HOST=unix://$home/docker.sock
  # A session of its own: ^C reaches only us, and we stop it in order. Without our mark, see leftovers.sh.
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
  echo 'dockerd does not answer; it said:'
  tail -n 40 "$home/log"
  return 1
}

# Ends every container, then dockerd by its pid, and takes away the mounts that it has left below its folders.
stop_engine() {
  local home=$scratch/engine containers tries mount
  if [[ -z $engine_pid ]]; then return 0; fi
  containers=$(timeout 60 docker ps --all --quiet 2>/dev/null) || true
  # Ids have no spaces: one argument each.
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
  # The deepest first.
  while read -r mount; do umount "$mount" || true; done < <(mounts_below "$home" | sort --reverse)
}

# mounts_below FOLDER
mounts_below() {
  awk -v folder="$1/" 'index($5, folder) == 1 { print $5 }' /proc/self/mountinfo
}
