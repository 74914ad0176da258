/**
 * Maps an id of this user namespace to its parent namespace, which is the host's unless user namespaces are nested.
 * @param id of a user or a group in this user namespace
 * @param map the content of /proc/self/uid_map or gid_map (user_namespaces(7)): lines of the first id inside, the first id
 *   outside, and the number of ids
 * @returns undefined when the id is not mapped
 */
export function idOutside(id: number, map: string): number | undefined {
  for (const line of map.split('\n')) {
    const [inside, outside, count] = line.trim().split(/\s+/).map(Number);
    if (inside === undefined || outside === undefined || count === undefined) continue;
    if (id >= inside && id < inside + count) return outside + id - inside;
  }
  return undefined;
}
