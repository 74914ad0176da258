/** What engines name containers by; 64 and not a digit more. */
const hex64 = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/;

/**
 * The container id in /proc/PID/cgroup, for cgroup v1 (a line per hierarchy) and v2 (one line): the first 64 hex
 * digits of the path that are not a pod's. The first, because whoever is in a container can only make cgroups below its
 * own: an engine inside one appends its ids there, and so may an attacker.
 *
 * | engine | cgroupfs | systemd |
 * |---|---|---|
 * | Docker | `/docker/ID` | `/system.slice/docker-ID.scope` |
 * | Podman | `/libpod_parent/libpod-ID`, `/libpod_parent/POD/libpod-ID` | `/machine.slice/libpod-ID.scope`, `…/machine-libpod_pod_POD.slice/libpod-ID.scope` |
 * | containerd (CRI) | `/kubepods/burstable/podUID/ID` | `/kubepods.slice/…/cri-containerd-ID.scope` |
 * | CRI-O | `/kubepods/…/crio-ID` | `/kubepods.slice/…/crio-ID.scope` |
 * | nerdctl | `/default/ID` | `/system.slice/nerdctl-ID.scope` |
 *
 * What is found is a claim only: a user of the host with a delegated cgroup can name one like any container. The engine
 * and the namespaces of the container's first process have to agree.
 * @param text the file's content
 * @returns none when the process is in no container; several when the hierarchies disagree
 */
export function containerIds(text: string): readonly string[] {
  const ids = new Set<string>();
  for (const line of text.split('\n')) {
    const id = containerIn(line.split(':').slice(2).join(':'));
    if (id !== undefined) ids.add(id);
  }
  return [...ids];
}

function containerIn(path: string): string | undefined {
  const segments = path.split('/');
  const named = segments.flatMap((segment, index) => {
    const id = hex64.exec(segment)?.[0];
    return id === undefined ? [] : [{ id, isPod: isPodmansPod(segment, segments[index - 1]) }];
  });
  // A pod that no container follows is taken for a container, which no engine then knows: refused, and not the host.
  return (named.find(({ isPod }) => !isPod) ?? named[0])?.id;
}

/** Podman's pods have 64 digits, too, and stand before their containers'; those of Kubernetes have UUIDs. */
function isPodmansPod(segment: string, above: string | undefined): boolean {
  return (
    /libpod_pod_[0-9a-f]{64}\.slice$/.test(segment) ||
    (above === 'libpod_parent' && /^[0-9a-f]+$/.test(segment))
  );
}
