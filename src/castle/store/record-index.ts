/** A record with an id and the fields by which it is looked up. */
type Indexed<Field extends string> = { readonly id: string } & { readonly [field in Field]: string };

/**
 * An in-memory index of a table: the ids of its records by the values of some fields. It is built when the store is opened,
 * and is not part of the store's format. Changes to it belong to a commit: they take effect when the commit is on disk, and
 * are dropped if the commit fails.
 */
export class RecordIndex<Field extends string> {
  private readonly byId = new Map<string, Indexed<Field>>();
  private readonly byField: ReadonlyMap<Field, Map<string, Set<string>>>;
  private pending: (() => void)[] = [];

  /** @param records the records of the table when the store is opened */
  constructor(fields: readonly Field[], records: readonly Indexed<Field>[]) {
    this.byField = new Map(fields.map((field) => [field, new Map<string, Set<string>>()]));
    for (const record of records) this.add(record);
  }

  /** @returns the ids of the records with this value, in the order of the table */
  ids(field: Field, value: string): readonly string[] {
    return [...(this.byField.get(field)?.get(value) ?? [])].sort();
  }

  put(record: Indexed<Field>): void {
    this.pending.push(() => {
      this.delete(record.id);
      this.add(record);
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

  private add(record: Indexed<Field>): void {
    this.byId.set(record.id, record);
    for (const [field, index] of this.byField) {
      const value = record[field];
      const ids = index.get(value);
      if (ids === undefined) index.set(value, new Set([record.id]));
      else ids.add(record.id);
    }
  }

  private delete(id: string): void {
    const record = this.byId.get(id);
    if (record === undefined) return;
    this.byId.delete(id);
    for (const [field, index] of this.byField) {
      const value = record[field];
      const ids = index.get(value);
      ids?.delete(id);
      if (ids?.size === 0) index.delete(value);
    }
  }
}
