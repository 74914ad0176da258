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

/** What tokens are made and judged with. */
export interface TokenDeps {
  readonly key: TokenKey;
  readonly store: Store;
  readonly runtime: Runtime;
  readonly emit: EmitEvent;
}

/** Who a token stands for, as the engine and the kernel know it now. */
export interface Bearer {
  readonly claims: Claims;
  readonly container: Container;
  /** The container's first process, in whose name it asks. */
  readonly peer: Peer;
}

/**
 * Tokens of one castle. A token is good for one life of one container, one volume and one mount point: its first request
 * for a lease writes down which, before anything is mounted. The same request again, after a lost answer or a killed
 * castle, is the same use. Who gives the volume back has spent it.
 */
export class Tokens {
  private readonly perToken = new KeyedMutex();

  constructor(private readonly deps: TokenDeps) {}

  /**
   * Makes a token for a container, whether it runs already or not.
   * @throws RefusalError not_found, bad_volume_name, not_permitted when its label names another volume
   */
  async make({ container: called, volume, ttlMs }: TokenRequest): Promise<Token> {
    const { key, runtime, emit } = this.deps;
    checkVolumeName(volume);
    const known = await runtime.find(called);
    if (known === undefined) {
      throw new RefusalError('not_found', `there is no container ${called}`, 'give its id or its name');
    }
    checkPermission(known, volume);
    const { id: container, name: containerName, running } = known;
    const fromMs = Date.now();
    const claims: Claims = {
      id: randomUUID(),
      castle: key.castle,
      boot: bootId(),
      container,
      ...(running === undefined ? {} : { first: lifeOf(running) }),
      volume,
      fromMs,
      untilMs: fromMs + ttlMs,
    };
    const expires = new Date(claims.untilMs).toISOString();
    emit(`container ${containerName} gets a token for volume ${volume}, good until ${expires}`, {
      event: 'token.created',
      container,
      containerName,
      volume,
    });
    const owner = running === undefined ? {} : { owner: userOf(running) };
    return { token: writeToken(key.key, claims), container, containerName, volume, expires, ...owner };
  }

  /**
   * What a request brings, looked at before anything else of it is read, and without asking anybody.
   * @param header the value of `Authorization`
   * @throws RefusalError not_permitted
   */
  read(header: string | undefined): Claims {
    const [, text] = /^Bearer ([\x21-\x7e]+)$/i.exec(header ?? '') ?? [];
    if (text === undefined) {
      throw new RefusalError(
        'not_permitted',
        'the request has no token',
        'give CASTLE_TOKEN_FILE a token that was made with castle token',
      );
    }
    const { key, store } = this.deps;
    const claims = readToken(key.key, text);
    if (claims.castle !== key.castle || claims.boot !== bootId()) {
      throw refused(claims, 'was made by another castle, or before this host was started');
    }
    if (Date.now() < claims.fromMs) throw refused(claims, 'does not count yet: the clock was set back');
    // One that was used may have a lease that lives longer.
    if (isOver(claims) && store.tokenUse(claims.id) === undefined) throw expired(claims);
    return claims;
  }

  /**
   * Who asks with it: the container as it is now.
   * @throws RefusalError not_permitted, backend_failed
   */
  async bearer(claims: Claims): Promise<Bearer> {
    const { store, runtime } = this.deps;
    const known = await runtime.find(claims.container);
    // By its id and no other name.
    if (known?.id !== claims.container) throw refused(claims, 'is for a container that is not there');
    const { running: container } = known;
    if (container === undefined) throw refused(claims, `is for container ${known.name}, which does not run`);
    const use = store.tokenUse(claims.id);
    const lives = [claims.first, use?.first].filter((life) => life !== undefined);
    if (lives.some((life) => !isLife(life, container))) {
      throw refused(claims, `is for an earlier life of container ${known.name}`);
    }
    const hasLease = this.hasLease(claims.volume, container);
    if (use?.spent === true && !hasLease) throw spent(claims);
    if (isOver(claims) && !hasLease) throw expired(claims);
    return { claims, container, peer: { pid: container.first.pid, ...userOf(container) } };
  }

  /**
   * Writes down what a token is used for, before anything is mounted.
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
        if (use.target === target && isLife(use.first, container)) return;
        throw refused(claims, `was used for ${use.target} already`);
      }
      const over = this.over();
      await store.commit((changes) => {
        for (const { id } of over) changes.removeTokenUse(id);
        changes.putTokenUse(useOf(claims, container, target));
      });
    });
  }

  /**
   * Before a lease is given back: what was used for it counts for nothing from now on.
   * @throws RefusalError not_found when it is not this token's, backend_failed
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
          if (use.container === container.id && use.volume === claims.volume)
            changes.putTokenUse({ ...use, spent: true });
        }
        changes.putTokenUse({ ...useOf(claims, container, known.target), spent: true });
      }),
    );
  }

  /** Forgets what could not be used again anyhow. */
  async forget(): Promise<void> {
    const over = this.over();
    if (over.length === 0) return;
    await this.deps.store.commit((changes) => {
      for (const { id } of over) changes.removeTokenUse(id);
    });
  }

  /** Uses whose token has expired, and which no lease keeps. */
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
      .some((lease) => lease.container === container.id && isLife(lease.first, container));
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

type Life = Pick<ProcessIdentity, 'pid' | 'startTicks'>;

/** The boot is in the token already, and the store's leases of an earlier one have ended. */
const lifeOf = ({ first: { pid, startTicks } }: Container): Life => ({ pid, startTicks });

const isLife = (life: Life, { first }: Container): boolean =>
  life.pid === first.pid && life.startTicks === first.startTicks;

/** The user of a container's first process, by the host's numbers: whose a new volume is to be. */
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

const spent = (claims: Claims): RefusalError => refused(claims, 'was used, and its volume given back');

const expired = (claims: Claims): RefusalError =>
  refused(claims, `has expired at ${new Date(claims.untilMs).toISOString()}`);

function refused({ volume }: Claims, why: string): RefusalError {
  return new RefusalError(
    'not_permitted',
    `the token for volume ${volume} ${why}`,
    'make another one on this host with castle token',
  );
}
