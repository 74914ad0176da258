import type { DescribeVolumesCommandInput } from '@aws-sdk/client-ec2';
import { type Ec2, isEc2Error } from '../../aws/ec2-client.ts';
import { RequestBatch } from '../../aws/request-batch.ts';
import { type CastleVolume, type EbsVolume, exists, tags, toCastleVolume, toEbsVolume } from './volume.ts';

/** The maximum number of ids in one DescribeVolumes call, and of values in one filter. */
const idsAtOnce = 500;
const namesAtOnce = 200;
/** The number of volumes in one page of a response. */
const pageSize = 500;

/** Reads volumes from EC2. Lookups of the same kind within a short time are combined into one call. */
export class VolumeInventory {
  private readonly names: RequestBatch<readonly CastleVolume[]>;
  private readonly ids: RequestBatch<EbsVolume>;
  /** EC2's id of each volume, by the castle's UUID. Neither id ever changes or is used again for another volume. */
  private readonly known = new Map<string, string>();
  private readonly knownEc2Ids = new Set<string>();
  /** Recent changes by this castle, by EC2's id: for some time after a change, EC2 may return the earlier state. */
  private readonly fresh = new Map<string, { readonly volume: CastleVolume; readonly untilMs: number }>();

  /**
   * @param batchMs how long lookups are collected for one call, in milliseconds
   * @param settleMs how long EC2 may return an outdated state, in milliseconds
   */
  constructor(
    private readonly ec2: Ec2,
    private readonly cluster: string,
    batchMs: number,
    private readonly settleMs: number,
  ) {
    this.names = new RequestBatch(batchMs, namesAtOnce, (names) => this.lookUpNames(names));
    this.ids = new RequestBatch(batchMs, idsAtOnce, (ids) => this.lookUpIds(ids));
  }

  /** Returns the volumes of the cluster with a name, in every zone and state; the newest is the last. */
  async listByName(name: string): Promise<readonly CastleVolume[]> {
    const found = (await this.names.get(name)) ?? [];
    const missing = this.recentlyChanged().filter(
      (fresh) => fresh.name === name && found.every(({ ec2Id }) => ec2Id !== fresh.ec2Id),
    );
    return [...found, ...missing];
  }

  /** Returns a volume by EC2's id; undefined when EC2 does not have the volume, or does not show it yet. */
  async get(ec2Id: string): Promise<EbsVolume | undefined> {
    const volume = await this.ids.get(ec2Id);
    return volume !== undefined && exists(volume) ? volume : undefined;
  }

  /** Returns a volume by EC2's id, if its tags are those of a volume of the cluster. */
  async getCastleVolume(ec2Id: string): Promise<CastleVolume | undefined> {
    const volume = await this.get(ec2Id);
    return volume === undefined ? undefined : this.remember(volume);
  }

  /** Returns all volumes of the cluster. */
  async list(): Promise<readonly CastleVolume[]> {
    const found = await this.describeVolumes({
      Filters: [{ Name: `tag:${tags.castle}`, Values: [this.cluster] }],
    });
    return found.flatMap((volume) => this.remember(volume) ?? []);
  }

  /** Returns all volumes that are attached or being attached to an instance, including those that no castle created. */
  listAttached(instance: string): Promise<readonly EbsVolume[]> {
    return this.describeVolumes({ Filters: [{ Name: 'attachment.instance-id', Values: [instance] }] });
  }

  /** Returns the volumes of the cluster whose tag has a value. */
  async listByTag(tag: string, value: string): Promise<readonly CastleVolume[]> {
    const found = await this.describeVolumes({
      Filters: [
        { Name: `tag:${tags.castle}`, Values: [this.cluster] },
        { Name: `tag:${tag}`, Values: [value] },
      ],
    });
    return found.flatMap((volume) => this.remember(volume) ?? []);
  }

  /** Returns EC2's id of the volume with a castle's UUID, if this castle has read that volume from EC2 before. */
  ec2IdOf(id: string): string | undefined {
    return this.known.get(id);
  }

  /** Whether this castle has read a volume of the cluster with that EC2 id before. */
  isKnown(ec2Id: string): boolean {
    return this.knownEc2Ids.has(ec2Id);
  }

  /** Records that this castle has changed tags of a volume. @returns the volume with its new tags */
  recordTags(volume: CastleVolume, changes: Readonly<Record<string, string>>): CastleVolume {
    const tagged = new Map([...volume.tagged, ...Object.entries(changes)]);
    const now = toCastleVolume({ ...volume, tagged }, this.cluster) ?? volume;
    this.fresh.set(volume.ec2Id, { volume: now, untilMs: performance.now() + this.settleMs });
    return now;
  }

  /** Records that this castle has deleted a volume. */
  forget(ec2Id: string): void {
    this.fresh.delete(ec2Id);
  }

  private recentlyChanged(): readonly CastleVolume[] {
    for (const [ec2Id, { untilMs }] of this.fresh) {
      if (untilMs < performance.now()) this.fresh.delete(ec2Id);
    }
    return [...this.fresh.values()].map(({ volume }) => volume);
  }

  private remember(reported: EbsVolume): CastleVolume | undefined {
    const fresh = this.recentlyChanged().find(({ ec2Id }) => ec2Id === reported.ec2Id);
    const known = toCastleVolume(
      fresh === undefined ? reported : { ...reported, tagged: fresh.tagged },
      this.cluster,
    );
    if (known !== undefined) {
      this.known.set(known.id, known.ec2Id);
      this.knownEc2Ids.add(known.ec2Id);
    }
    return known;
  }

  private async lookUpNames(names: readonly string[]): Promise<ReadonlyMap<string, readonly CastleVolume[]>> {
    const found = await this.describeVolumes({
      Filters: [
        { Name: `tag:${tags.castle}`, Values: [this.cluster] },
        { Name: `tag:${tags.volume}`, Values: names.map(literal) },
      ],
    });
    const byName = new Map<string, CastleVolume[]>();
    for (const volume of found) {
      const known = this.remember(volume);
      if (known !== undefined) byName.set(known.name, [...(byName.get(known.name) ?? []), known]);
    }
    for (const volumes of byName.values()) volumes.sort((a, b) => (a.made ?? '').localeCompare(b.made ?? ''));
    return byName;
  }

  /** Looks up volumes by id. EC2 fails the whole call when one id does not exist; then each half is looked up separately. */
  private async lookUpIds(ids: readonly string[]): Promise<ReadonlyMap<string, EbsVolume>> {
    try {
      const found = await this.describeVolumes({ VolumeIds: [...ids] });
      return new Map(found.map((volume) => [volume.ec2Id, volume]));
    } catch (thrown) {
      if (!isEc2Error(thrown, 'InvalidVolume.NotFound')) throw thrown;
      if (ids.length === 1) return new Map();
      const middle = ids.length >> 1;
      const halves = [ids.slice(0, middle), ids.slice(middle)];
      const found = await Promise.all(halves.map((half) => this.lookUpIds(half)));
      return new Map(found.flatMap((half) => [...half]));
    }
  }

  private async describeVolumes(input: DescribeVolumesCommandInput): Promise<readonly EbsVolume[]> {
    const found: EbsVolume[] = [];
    let NextToken: string | undefined;
    do {
      // EC2 refuses a page size in a call with ids.
      const page = input.VolumeIds === undefined ? { MaxResults: pageSize } : {};
      const answer = await this.ec2.describeVolumes({
        ...input,
        ...page,
        ...(NextToken === undefined ? {} : { NextToken }),
      });
      found.push(...(answer.Volumes ?? []).map(toEbsVolume).filter(exists));
      NextToken = answer.NextToken;
    } while (NextToken !== undefined && NextToken !== '');
    return found;
  }
}

/**
 * Escapes the wildcards `*` and `?` in a filter value. Valid volume names contain neither.
 */
const literal = (value: string): string => value.replace(/[\\*?]/g, (character) => `\\${character}`);
