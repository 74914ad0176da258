import { randomUUID } from 'node:crypto';
import { bootId, type ProcessIdentity, readStatus } from '../../linux/proc.ts';
import type { Token, TokenRequest } from '../../protocol/contract.ts';
import type { EmitEvent } from '../events/event.ts';
import { checkPermission } from '../leases/check-request.ts';
import { noSuchLease } from '../leases/refusals.ts';
import { checkVolumeName } from '../refusals/check-volume-name.ts';
import { isOutOfResources } from '../refusals/out-of-resources.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { hasEnded } from '../runtimes/refusals.ts';
import type { Container, Peer, Runtime } from '../runtimes/runtime.ts';
import { KeyedMutex } from '../store/keyed-mutex.ts';
import type { Store, TokenUse } from '../store/store.ts';
import { type Claims, readToken, writeToken } from './token.ts';
import type { TokenKey } from './token-key.ts';

export interface TokenDeps {
  readonly key: TokenKey;
  readonly store: Store;
  readonly runtime: Runtime;
  readonly emit: EmitEvent;
}

/** The container that a token is for, as the engine and the kernel report it now. */
export interface Bearer {
  readonly claims: Claims;
  readonly container: Container;
  /** The container's first process, which counts as the sender of the request. */
  readonly peer: Peer;
}

/**
 * The tokens of one castle. A token is valid for one run of one container, one volume and one mount point: the first request
 * for a lease records these in the store before anything is mounted. Repeating that request, after a lost answer or a killed
 * castle, is the same use. Releasing the lease spends the token.
 */
export class Tokens {
  private readonly perToken = new KeyedMutex();

  constructor(private readonly deps: TokenDeps) {}

  /**
   * Creates a token for a container, whether it is running or not.
   * @throws RefusalError not_found, bad_volume_name, not_permitted when the label of the container names another volume
   */
  async make({ container: called, volume, ttlMs }: TokenRequest): Promise<Token> {
    const { key, runtime, emit } = this.deps;
    checkVolumeName(volume);
    const known = await runtime.find(called);
    if (known === undefined) {
      throw new RefusalError('not_found', `there is no container ${called}`, 'use its id or its name');
    }
    checkPermission(known, volume);
    const { id: container, name: containerName, running } = known;
    const fromMs = Date.now();
    const claims: Claims = {
      id: randomUUID(),
      castle: key.castle,
      boot: bootId(),
      container,
      ...(running === undefined ? {} : { first: runOf(running) }),
      volume,
      fromMs,
      untilMs: fromMs + ttlMs,
    };
    const expires = new Date(claims.untilMs).toISOString();
    emit(`created a token for container ${containerName} and volume ${volume}, valid until ${expires}`, {
      event: 'token.created',
      container,
      containerName,
      volume,
    });
    const owner = running === undefined ? {} : { owner: userOf(running) };
    return { token: writeToken(key.key, claims), container, containerName, volume, expires, ...owner };
  }

  /**
   * Verifies the token of a request, without a request to the engine. This happens before the body is read.
   * @param header the value of `Authorization`
   * @throws RefusalError not_permitted
   */
  read(header: string | undefined): Claims {
    const [, text] = /^Bearer ([\x21-\x7e]+)$/i.exec(header ?? '') ?? [];
    if (text === undefined) {
      throw new RefusalError(
        'not_permitted',
        'the request has no token',
        'put a token from castle token into the file CASTLE_TOKEN_FILE',
      );
    }
    const { key, store } = this.deps;
    const claims = readToken(key.key, text);
    if (claims.castle !== key.castle || claims.boot !== bootId()) {
      throw refused(claims, 'was created by another castle, or before this host was booted');
    }
    if (Date.now() < claims.fromMs) throw refused(claims, 'is not valid yet: the clock was set back');
    // A used token is still needed to release its lease, which may live longer.
    if (isOver(claims) && store.tokenUse(claims.id) === undefined) throw expired(claims);
    return claims;
  }

  /**
   * Finds the container of a token, and checks that it is the same run of it.
   * @throws RefusalError not_permitted, backend_failed
   */
  async bearer(claims: Claims): Promise<Bearer> {
    const { store, runtime } = this.deps;
    const known = await runtime.find(claims.container);
    // The claim must be the id: the engine also finds containers by name.
    if (known?.id !== claims.container) throw refused(claims, 'is for a container that does not exist');
    const { running: container } = known;
    if (container === undefined)
      throw refused(claims, `is for container ${known.name}, which is not running`);
    const use = store.tokenUse(claims.id);
    const runs = [claims.first, use?.first].filter((run) => run !== undefined);
    if (runs.some((run) => !isSameRun(run, container))) {
      throw refused(claims, `is for an earlier run of container ${known.name}`);
    }
    const hasLease = this.hasLease(claims.volume, container);
    if (use?.spent === true && !hasLease) throw spent(claims);
    if (isOver(claims) && !hasLease) throw expired(claims);
    return { claims, container, peer: { pid: container.first.pid, ...userOf(container) } };
  }

  /**
   * Records what a token is used for, before anything is mounted.
   * @throws RefusalError not_permitted when it was used for something else, backend_failed
   */
  use({ claims, container }: Bearer, volume: string, target: string): Promise<void> {
    if (volume !== claims.volume) {
      throw refused(claims, `is for volume ${claims.volume}, not for ${volume}`);
    }
    return this.perToken.run(claims.id, async () => {
      const { store } = this.deps;
      const use = store.tokenUse(claims.id);
      if (use?.spent === true) throw spent(claims);
      if (use !== undefined) {
        if (use.target === target && isSameRun(use.first, container)) return;
        throw refused(claims, `was already used for ${use.target}`);
      }
      const over = this.over();
      await store.commit((changes) => {
        for (const { id } of over) changes.removeTokenUse(id);
        changes.putTokenUse(useOf(claims, container, target));
      });
    });
  }

  /**
   * Spends a token, and all others that were used for the same lease. Called before the lease is released.
   * @throws RefusalError not_found when the lease is not that of the token, backend_failed
   */
  async spend({ claims, container }: Bearer, lease: string): Promise<void> {
    const { store } = this.deps;
    const known = store.lease(lease);
    if (known === undefined || known.volume !== claims.volume || known.container !== container.id) {
      throw noSuchLease(lease);
    }
    await this.perToken.run(claims.id, () =>
      store.commit((changes) => {
        for (const use of store.tokenUses()) {
          if (use.id === claims.id) continue;
          if (use.container === container.id && use.volume === claims.volume)
            changes.putTokenUse({ ...use, spent: true });
        }
        changes.putTokenUse({ ...useOf(claims, container, known.target), spent: true });
      }),
    );
  }

  /** Deletes the records of tokens that can no longer be used. */
  async deleteUnusableRecords(): Promise<void> {
    const over = this.over();
    if (over.length === 0) return;
    await this.deps.store.commit((changes) => {
      for (const { id } of over) changes.removeTokenUse(id);
    });
  }

  /** Returns the records of expired tokens whose container has no lease on the volume. */
  private over(): readonly TokenUse[] {
    const { store } = this.deps;
    const kept = new Set(store.leases().map(({ container, volume }) => `${container} ${volume}`));
    return store
      .tokenUses()
      .filter((use) => use.untilMs <= Date.now() && !kept.has(`${use.container} ${use.volume}`));
  }

  private hasLease(volume: string, container: Container): boolean {
    return this.deps.store
      .leasesOn(volume)
      .some((lease) => lease.container === container.id && isSameRun(lease.first, container));
  }
}

const useOf = (
  { id, volume, untilMs }: Claims,
  { id: container, first }: Container,
  target: string,
): TokenUse => ({
  id,
  container,
  first,
  volume,
  target,
  untilMs,
});

/** One run of a container, identified by its first process. */
type Run = Pick<ProcessIdentity, 'pid' | 'startTicks'>;

/**
 * Returns the run of a container, without the boot id: the claims contain it already, and leases of earlier boots have ended.
 */
const runOf = ({ first: { pid, startTicks } }: Container): Run => ({ pid, startTicks });

const isSameRun = (run: Run, { first }: Container): boolean =>
  run.pid === first.pid && run.startTicks === first.startTicks;

/** Returns the user of a container's first process, by its ids on the host. This user owns a new volume. */
function userOf({ first: { pid } }: Container): { readonly uid: number; readonly gid: number } {
  try {
    const status = readStatus(pid);
    const effective = (name: string): number => Number(status.get(name)?.split(/\s+/)[1]);
    return { uid: effective('Uid'), gid: effective('Gid') };
  } catch (thrown) {
    if (isOutOfResources(thrown)) throw thrown;
    throw hasEnded(pid);
  }
}

const isOver = ({ untilMs }: Claims): boolean => Date.now() >= untilMs;

const spent = (claims: Claims): RefusalError => refused(claims, 'was used, and its lease released');

const expired = (claims: Claims): RefusalError =>
  refused(claims, `expired at ${new Date(claims.untilMs).toISOString()}`);

function refused({ volume }: Claims, why: string): RefusalError {
  return new RefusalError(
    'not_permitted',
    `the token for volume ${volume} ${why}`,
    'create another one on this host with castle token',
  );
}
