import { createHash, randomUUID } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { bootId } from '../../../linux/proc.ts';
import { errorCode, errorMessage, Failure } from '../../../terminal/failure.ts';
import type { Claim, Claims } from '../claims.ts';
import { type NfsExport, NfsOperationError } from './export.ts';
import { claimedElsewhere, operationFailed } from './refusals.ts';

/** As in native/mount/volume_claim.c. */
const folderName = '.claims';
/** The name of a claim that is being made: volume, castle, and what it is for. */
const unfinishedPattern = /^\.new(.+)~([0-9a-f]{32})\.[a-z]+$/;

/** A claim that is given up whenever we ask is tried for as often as this. */
const triesToClaim = 5;

/**
 * Claims of volumes, stored on the export and made in one atomic step on the server (native/mount/volume_claim.h). A claim is made
 * either for as long as containers of this host use the volume, or while its folder is created, moved or removed.
 */
export class NfsClaims implements Claims {
  private readonly use: string;
  private readonly moment: string;
  /** Volumes that something is done with now; all else that claims of this castle say is of an earlier one. */
  private readonly underWay = new Set<string>();
  /** Volumes that the containers of this host have a claim on, as far as it is known; asked for once. */
  private mine: Promise<Set<string>> | undefined;

  /** @param castle which castle this is, from loadCastleId */
  constructor(
    private readonly server: NfsExport,
    private readonly castle: string,
  ) {
    this.use = `${castle}.use`;
    this.moment = `${castle}.moment`;
  }

  /**
   * Claims a volume for the containers of this host.
   * @throws RefusalError volume_in_use when another host has it, backend_failed
   */
  async claimForUse(volume: string): Promise<void> {
    // Before the result is known: releasing a claim that does not exist is harmless.
    if (this.mine !== undefined) (await this.mine).add(volume);
    await this.claim(volume, this.use);
  }

  /** Lets other hosts have it; without a claim, they can already. */
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

  /** Takes back what an earlier castle of this id was about to do when it was killed. */
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
   * @throws RefusalError volume_in_use when another host has it, backend_failed
   */
  async withClaim<T>(volume: string, work: () => Promise<T>): Promise<T> {
    const claimant = await this.claim(volume, this.moment);
    this.underWay.add(volume);
    try {
      return await work();
    } finally {
      if (claimant === this.moment) {
        // A claim that stays is removed by the next claim of this castle, or at its next start.
        await this.run(['give-up', volume, claimant]).catch(() => undefined);
      }
      this.underWay.delete(volume);
    }
  }

  async holder(volume: string): Promise<Claim | undefined> {
    const found = await this.read(volume);
    return found === undefined ? undefined : toClaim(found.text);
  }

  async forceRelease(volume: string): Promise<Claim | undefined> {
    const found = await this.read(volume);
    if (found === undefined) return undefined;
    await this.run(['give-up', volume, found.claimant]);
    return toClaim(found.text);
  }

  /** @returns whose claim it is now: the one that was asked for, or the one that this castle's containers have */
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
      if (found === undefined) continue; // given up just now
      other = toClaim(found.text);
      if (found.claimant === this.use) return found.claimant;
      if (found.claimant !== this.moment) break;
      // Left by this castle, which was killed or lost an answer: it runs one operation at a time on a volume.
      await this.run(['give-up', volume, found.claimant]);
    }
    throw claimedElsewhere(volume, other ?? { host: 'unknown', since: '' });
  }

  /** @throws ActFailed EEXIST when another one has a claim; RefusalError backend_failed */
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

/** The text is not trusted: everything that can write to the export may have written it. */
function toClaim(text: string): Claim {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'host' in value && typeof value.host === 'string') {
      const since = 'since' in value && typeof value.since === 'string' ? value.since : '';
      return { host: value.host, since };
    }
  } catch {
    // Written by something else, or truncated.
  }
  return { host: 'unknown', since: '' };
}

/**
 * The id of this castle among all that share an export. It is generated once and kept in the state folder. It depends on the
 * machine id, so that a copy of that folder on another machine yields another id.
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
