/** What the index knows of a lease. */
interface IndexedLease {
  readonly id: string;
  readonly volume: string;
  readonly container: string;
}

/**
 * The ids of leases by volume and by container, in memory. It is built when the store is opened, so the store's format
 * does not know of it. Changes belong to a commit: they count once the commit is on disk, and not at all if it fails.
 */
export class LeaseIndex {
  private readonly byId = new Map<string, IndexedLease>();
  private readonly byVolume = new Map<string, Set<string>>();
  private readonly byContainer = new Map<string, Set<string>>();
  private pending: (() => void)[] = [];

  constructor(leases: readonly IndexedLease[]) {
    for (const lease of leases) this.add(lease);
  }

  /** Sorted, as the table is. */
  onVolume(volume: string): readonly string[] {
    return [...(this.byVolume.get(volume) ?? [])].sort();
  }

  /** Sorted, as the table is. @param container its id */
  ofContainer(container: string): readonly string[] {
    return [...(this.byContainer.get(container) ?? [])].sort();
  }

  put(lease: IndexedLease): void {
    this.pending.push(() => {
      this.delete(lease.id);
      this.add(lease);
    });
  }

  remove(id: string): void {
    this.pending.push(() => this.delete(id));
  }

  commit(): void {
    const changes = this.pending;
    this.pending = [];
    for (const change of changes) change();
  }

  abort(): void {
    this.pending = [];
  }

  private add({ id, volume, container }: IndexedLease): void {
    this.byId.set(id, { id, volume, container });
    addTo(this.byVolume, volume, id);
    addTo(this.byContainer, container, id);
  }

  private delete(id: string): void {
    const lease = this.byId.get(id);
    if (lease === undefined) return;
    this.byId.delete(id);
    removeFrom(this.byVolume, lease.volume, id);
    removeFrom(this.byContainer, lease.container, id);
  }
}

function addTo(index: Map<string, Set<string>>, key: string, id: string): void {
  const ids = index.get(key);
  if (ids === undefined) index.set(key, new Set([id]));
  else ids.add(id);
}

function removeFrom(index: Map<string, Set<string>>, key: string, id: string): void {
  const ids = index.get(key);
  ids?.delete(id);
  if (ids?.size === 0) index.delete(key);
}
