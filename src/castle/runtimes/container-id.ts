/** The id of a container: exactly 64 hex digits. */
const hex64 = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/;

/**
 * Returns the container id in /proc/PID/cgroup, for cgroup v1 (a line per hierarchy) and v2 (one line): the first 64 hex
 * digits of the path that are not a pod's. Later ids in the path are ignored, because a process in a container can create
 * cgroups below its own: an engine inside a container appends its ids there, and an attacker could do the same.
 *
 * | engine | cgroupfs | systemd |
 * |---|---|---|
 * | Docker | `/docker/ID` | `/system.slice/docker-ID.scope` |
 * | Podman | `/libpod_parent/libpod-ID`, `/libpod_parent/POD/libpod-ID` | `/machine.slice/libpod-ID.scope`, `…/machine-libpod_pod_POD.slice/libpod-ID.scope` |
 * | containerd (CRI) | `/kubepods/burstable/podUID/ID` | `/kubepods.slice/…/cri-containerd-ID.scope` |
 * | CRI-O | `/kubepods/…/crio-ID` | `/kubepods.slice/…/crio-ID.scope` |
 * | nerdctl | `/default/ID` | `/system.slice/nerdctl-ID.scope` |
 *
 * The result is only a claim: a user of the host with a delegated cgroup can give it the name of any container. The caller
 * must check it against the engine and the namespaces of the container's first process.
 * @param text the content of the file
 * @returns empty when the process is in no container; several ids when the hierarchies disagree
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
  // A pod id without a container id below it counts as a container id. No engine has a container with this id, so the request is
  // refused. Without an id, the process would be treated as a process of the host.
  return (named.find(({ isPod }) => !isPod) ?? named[0])?.id;
}

/** A pod of Podman has an id of 64 digits too, before that of the container; pods of Kubernetes have UUIDs. */
function isPodmansPod(segment: string, above: string | undefined): boolean {
  return (
    /libpod_pod_[0-9a-f]{64}\.slice$/.test(segment) ||
    (above === 'libpod_parent' && /^[0-9a-f]+$/.test(segment))
  );
}
