import { createHash, randomUUID } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { bootId } from '../../../linux/proc.ts';
import { errorCode, errorMessage, Failure } from '../../../terminal/failure.ts';
import type { Claim, Claims } from '../claims.ts';
import { type NfsExport, NfsOperationError } from './export.ts';
import { claimedElsewhere, operationFailed } from './refusals.ts';

/** The folder of claims on the export; the same as in native/mount/volume_claim.c. */
const folderName = '.claims';
/** The name of a claim that is being created: volume, castle id, purpose. */
const unfinishedPattern = /^\.new(.+)~([0-9a-f]{32})\.[a-z]+$/;

/** The maximum number of attempts when the existing claim is released between each attempt and the lookup of its holder. */
const triesToClaim = 5;

/**
 * Claims of volumes, stored on the export and made in one atomic step on the server (native/mount/volume_claim.h). A claim is
 * made either for as long as containers of this host use the volume, or while its folder is created, moved or removed.
 */
export class NfsClaims implements Claims {
  private readonly use: string;
  private readonly moment: string;
  /**
   * Volumes with an operation of this castle in progress. A temporary claim of this castle on any other volume is stale: an
   * earlier castle left it.
   */
  private readonly underWay = new Set<string>();
  /** Volumes that this castle has claimed for its containers, as far as known; read from the export once. */
  private mine: Promise<Set<string>> | undefined;

  /** @param castle the id of this castle, from loadCastleId */
  constructor(
    private readonly server: NfsExport,
    private readonly castle: string,
  ) {
    this.use = `${castle}.use`;
    this.moment = `${castle}.moment`;
  }

  /**
   * Claims a volume for the containers of this host.
   * @throws RefusalError volume_in_use when another host has claimed it, backend_failed
   */
  async claimForUse(volume: string): Promise<void> {
    // Added before the result is known: releasing a claim that does not exist is harmless.
    if (this.mine !== undefined) (await this.mine).add(volume);
    await this.claim(volume, this.use);
  }

  /** Releases the claim of this host's containers on a volume, if there is one, so that other hosts can claim the volume. */
  async release(volume: string): Promise<void> {
    this.mine ??= this.run(['claims', this.use]).then(
      (volumes) => new Set(volumes),
      (thrown: unknown) => {
        this.mine = undefined;
        throw thrown;
      },
    );
    const mine = await this.mine;
    if (!mine.has(volume)) return;
    await this.run(['give-up', volume, this.use]);
    mine.delete(volume);
  }

  /** Undoes operations and releases claims that an earlier castle with this id left when it was killed. */
  async removeStale(): Promise<void> {
    for (const volume of await this.run(['claims', this.moment])) {
      if (!this.underWay.has(volume)) await this.run(['give-up', volume, this.moment]);
    }
    for (const entry of await this.run(['list', folderName])) {
      const [, volume = '', castle] = unfinishedPattern.exec(entry) ?? [];
      if (castle !== this.castle || this.underWay.has(volume)) continue;
      await this.run(['remove-tree', `${folderName}/${entry}`]);
    }
  }

  /**
   * Runs `work` while no other host can use the volume.
   * @throws RefusalError volume_in_use when another host has claimed it, backend_failed
   */
  async withClaim<T>(volume: string, work: () => Promise<T>): Promise<T> {
    const claimant = await this.claim(volume, this.moment);
    this.underWay.add(volume);
    try {
      return await work();
    } finally {
      if (claimant === this.moment) {
        // If this fails, the next claim of this castle on the volume, or its next start, removes the claim.
        await this.run(['give-up', volume, claimant]).catch(() => undefined);
      }
      this.underWay.delete(volume);
    }
  }

  async holder(volume: string): Promise<Claim | undefined> {
    const found = await this.read(volume);
    return found === undefined ? undefined : toClaim(found.text);
  }

  async discard(volume: string): Promise<Claim | undefined> {
    const found = await this.read(volume);
    if (found === undefined) return undefined;
    await this.run(['give-up', volume, found.claimant]);
    return toClaim(found.text);
  }

  /**
   * Claims a volume. @returns the claimant: the requested one, or this castle's containers when they have claimed the volume
   * already
   */
  private async claim(volume: string, claimant: string): Promise<string> {
    this.underWay.add(volume);
    try {
      return await this.tryToClaim(volume, claimant);
    } finally {
      this.underWay.delete(volume);
    }
  }

  private async tryToClaim(volume: string, claimant: string): Promise<string> {
    const text = JSON.stringify({ host: hostname(), boot: bootId(), since: new Date().toISOString() });
    let other: Claim | undefined;
    for (let tries = 0; tries < triesToClaim; tries++) {
      try {
        await this.run(['claim', volume, claimant, text]);
        return claimant;
      } catch (thrown) {
        if (!(thrown instanceof NfsOperationError && thrown.code === 'EEXIST')) throw thrown;
      }
      const found = await this.read(volume);
      if (found === undefined) continue; // released since the attempt
      other = toClaim(found.text);
      if (found.claimant === this.use) return found.claimant;
      if (found.claimant !== this.moment) break;
      // Left by this castle, which was killed or lost a response: it runs only one operation at a time on a volume.
      await this.run(['give-up', volume, found.claimant]);
    }
    throw claimedElsewhere(volume, other ?? { host: 'unknown', since: '' });
  }

  /** @throws NfsOperationError EEXIST when another host has claimed the volume; RefusalError backend_failed */
  private async run(args: readonly string[]): Promise<readonly string[]> {
    try {
      return await this.server.run(args);
    } catch (thrown) {
      if (!(thrown instanceof NfsOperationError) || thrown.code === 'EEXIST') throw thrown;
      throw operationFailed(this.server.settings, 'volumes cannot be claimed', thrown.code);
    }
  }

  private async read(
    volume: string,
  ): Promise<{ readonly claimant: string; readonly text: string } | undefined> {
    const [claimant, text = ''] = await this.run(['claimant', volume]);
    return claimant === undefined ? undefined : { claimant, text };
  }
}

/** Parses a claim. The text is not trusted, because any program that can write to the export may have written it. */
function toClaim(text: string): Claim {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'host' in value && typeof value.host === 'string') {
      const since = 'since' in value && typeof value.since === 'string' ? value.since : '';
      return { host: value.host, since };
    }
  } catch {
    // The file is truncated, or not written by a castle.
  }
  return { host: 'unknown', since: '' };
}

/**
 * Returns the id of this castle among all castles that share an export. It is generated once and stored in the state folder.
 * The id also depends on the machine id, so that a copy of that folder on another machine has a different id.
 * @throws Failure cannotCreate
 */
export async function loadCastleId(folder: string): Promise<string> {
  const file = join(folder, 'castle-id');
  const temporary = `${file}.${randomUUID()}`;
  try {
    const made = await open(temporary, 'wx', 0o600);
    try {
      await made.writeFile(randomUUID());
      await made.sync();
    } finally {
      await made.close();
    }
    await link(temporary, file).catch((thrown: unknown) => {
      if (errorCode(thrown) !== 'EEXIST') throw thrown;
    });
    await rm(temporary);
    const id = await readFile(file, 'utf8');
    const machine = await readFile('/etc/machine-id', 'utf8').catch(() => '');
    return createHash('sha256').update(`${id} ${machine.trim()}`).digest('hex').slice(0, 32);
  } catch (thrown) {
    throw new Failure('cannotCreate', `the state folder ${folder} cannot be used: ${errorMessage(thrown)}`);
  }
}
