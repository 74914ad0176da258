/**
 * The container id in /proc/PID/cgroup, for cgroup v1 (a line per hierarchy) and v2 (one line): the first 64 hex
 * digits of the path, as in `/docker/<id>` or `/system.slice/docker-<id>.scope`. The first, because an engine inside
 * a container appends its own ids behind that of the container that it runs in, and only the outer one is ours to know.
 * @param text the file's content
 * @returns none when the process is in no container; several when the hierarchies disagree
 */
export function containerIds(text: string): readonly string[] {
  const ids = new Set<string>();
  for (const line of text.split('\n')) {
    const path = line.split(':').slice(2).join(':');
    const id = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/.exec(path)?.[0];
    if (id !== undefined) ids.add(id);
  }
  return [...ids];
}
