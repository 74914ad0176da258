import type { DescribeVolumesCommandInput } from '@aws-sdk/client-ec2';
import { type Ec2, isEc2Error } from '../../aws/ec2-client.ts';
import { RequestBatch } from '../../aws/request-batch.ts';
import { type CastleVolume, type EbsVolume, exists, tags, toCastleVolume, toEbsVolume } from './volume.ts';

/** EC2 takes as many ids in one question, and as many values in a filter. */
const idsAtOnce = 500;
const namesAtOnce = 200;
/** Volumes in one page of an answer. */
const pageSize = 500;

/** What EC2 says of volumes. Questions of the same kind that come within a short time are asked together. */
export class VolumeInventory {
  private readonly names: RequestBatch<readonly CastleVolume[]>;
  private readonly ids: RequestBatch<EbsVolume>;
  /** EC2's id of each volume, by our UUID: neither ever changes, or belongs to another one. */
  private readonly known = new Map<string, string>();
  private readonly knownEc2Ids = new Set<string>();
  /** What this castle itself has changed: for some time EC2 may tell how it was before. */
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
    this.names = new RequestBatch(batchMs, namesAtOnce, (names) => this.askNames(names));
    this.ids = new RequestBatch(batchMs, idsAtOnce, (ids) => this.askIds(ids));
  }

  /** The volumes of the cluster with a name, in every zone, whatever their state; the youngest last. */
  async listByName(name: string): Promise<readonly CastleVolume[]> {
    const found = (await this.names.get(name)) ?? [];
    const missing = this.recentlyChanged().filter(
      (fresh) => fresh.name === name && found.every(({ ec2Id }) => ec2Id !== fresh.ec2Id),
    );
    return [...found, ...missing];
  }

  /** A volume by EC2's id; undefined when EC2 has none, or doesn't know of it yet. */
  async get(ec2Id: string): Promise<EbsVolume | undefined> {
    const volume = await this.ids.get(ec2Id);
    return volume !== undefined && exists(volume) ? volume : undefined;
  }

  /** The same, as one of ours. */
  async getCastleVolume(ec2Id: string): Promise<CastleVolume | undefined> {
    const volume = await this.get(ec2Id);
    return volume === undefined ? undefined : this.remember(volume);
  }

  /** All volumes of the cluster. */
  async list(): Promise<readonly CastleVolume[]> {
    const found = await this.describeVolumes({
      Filters: [{ Name: `tag:${tags.castle}`, Values: [this.cluster] }],
    });
    return found.flatMap((volume) => this.remember(volume) ?? []);
  }

  /** All volumes that are attached to an instance, or are about to be, whoever's they are. */
  listAttached(instance: string): Promise<readonly EbsVolume[]> {
    return this.describeVolumes({ Filters: [{ Name: 'attachment.instance-id', Values: [instance] }] });
  }

  /** Volumes of the cluster with a tag. */
  async listByTag(tag: string, value: string): Promise<readonly CastleVolume[]> {
    const found = await this.describeVolumes({
      Filters: [
        { Name: `tag:${tags.castle}`, Values: [this.cluster] },
        { Name: `tag:${tag}`, Values: [value] },
      ],
    });
    return found.flatMap((volume) => this.remember(volume) ?? []);
  }

  /** EC2's id of the volume with our UUID, when it was seen before. */
  ec2IdOf(id: string): string | undefined {
    return this.known.get(id);
  }

  /** Whether a volume of the cluster with that id of EC2's was seen before. */
  isKnown(ec2Id: string): boolean {
    return this.knownEc2Ids.has(ec2Id);
  }

  /** Remembers that this castle has changed tags of a volume. @returns how it is now */
  recordTags(volume: CastleVolume, changes: Readonly<Record<string, string>>): CastleVolume {
    const tagged = new Map([...volume.tagged, ...Object.entries(changes)]);
    const now = toCastleVolume({ ...volume, tagged }, this.cluster) ?? volume;
    this.fresh.set(volume.ec2Id, { volume: now, untilMs: performance.now() + this.settleMs });
    return now;
  }

  /** Remembers that this castle has deleted a volume. */
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

  private async askNames(names: readonly string[]): Promise<ReadonlyMap<string, readonly CastleVolume[]>> {
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

  /** One id that EC2 doesn't know makes the whole question fail: then the halves are asked. */
  private async askIds(ids: readonly string[]): Promise<ReadonlyMap<string, EbsVolume>> {
    try {
      const found = await this.describeVolumes({ VolumeIds: [...ids] });
      return new Map(found.map((volume) => [volume.ec2Id, volume]));
    } catch (thrown) {
      if (!isEc2Error(thrown, 'InvalidVolume.NotFound')) throw thrown;
      if (ids.length === 1) return new Map();
      const middle = ids.length >> 1;
      const halves = [ids.slice(0, middle), ids.slice(middle)];
      const found = await Promise.all(halves.map((half) => this.askIds(half)));
      return new Map(found.flatMap((half) => [...half]));
    }
  }

  private async describeVolumes(input: DescribeVolumesCommandInput): Promise<readonly EbsVolume[]> {
    const found: EbsVolume[] = [];
    let NextToken: string | undefined;
    do {
      // EC2 refuses a page size together with ids.
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

/** In the value of a filter, `*` and `?` stand for anything; no volume's name has them, but who knows. */
const literal = (value: string): string => value.replace(/[\\*?]/g, (character) => `\\${character}`);
