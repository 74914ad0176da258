/**
 * What an id of this user namespace is outside of it, one level up: where user namespaces are not nested, on the host.
 * @param id of a user or a group, as this process sees it
 * @param map /proc/self/uid_map or gid_map (user_namespaces(7)): lines of first id inside, first id outside, how many
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
