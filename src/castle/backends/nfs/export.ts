import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { runProgram } from '../../../linux/run-program.ts';
import { errorMessage } from '../../../terminal/failure.ts';
import { errnoName } from '../../mounting/mounter.ts';
import { RefusalError } from '../../refusals/refusal.ts';
import * as refusals from './refusals.ts';
import type { NfsSettings } from './settings.ts';

/** The time limit of one operation, in milliseconds; a healthy server needs a few. */
const operationLimitMs = 5_000;
/** How long a name may take to be looked up, in milliseconds. */
const lookupLimitMs = 5_000;

/** The longest output of one act, in bytes: a folder with some hundred thousand entries. */
const outputLimitBytes = 64 * 2 ** 20;

/** The server answered an operation with an error. */
export class NfsOperationError extends Error {
  override readonly name = 'ActFailed';

  /** @param code as in errno(3) */
  constructor(readonly code: string) {
    super(code);
  }
}

/**
 * The castle's own operations on an export. Each one is a process that mounts the export in a mount namespace of its own. A
 * server that does not answer blocks only that process, never the castle, and a killed castle leaves no mount behind. The
 * operations are in native/mount/nfs_export.c.
 */
export class NfsExport {
  /** The last address that the host's name was found to have. */
  address: string | undefined;
  private looking: Promise<string> | undefined;

  constructor(
    readonly settings: NfsSettings,
    private readonly mountProgram: string,
  ) {
    const bare = settings.host.replace(/^\[|\]$/g, '');
    if (isIP(bare) !== 0) this.address = bare;
  }

  /**
   * The mount options for a container. `nosharecache` gives each mount a superblock of its own: at unmount everything written
   * is on the server, whatever other volumes are mounted, so the next host finds it.
   */
  async containerOptions(): Promise<string> {
    return [...this.settings.options, 'nosharecache', `addr=${await this.resolve()}`].join(',');
  }

  /**
   * Runs one operation.
   * @param withinMs its time limit
   * @returns the lines that it printed
   * @throws NfsOperationError; RefusalError backend_failed when the export cannot be reached
   */
  async run(args: readonly string[], withinMs = operationLimitMs): Promise<readonly string[]> {
    const { host, path } = this.settings;
    const options = await this.ownOptions();
    const text = await this.runMountProgram(['export', `${host}:${path}`, options, ...args], withinMs);
    if (text === undefined) throw refusals.silentServer(this.settings);
    const lines = text.split('\n').slice(0, -1);
    const last = lines.pop() ?? '';
    if (last === 'done') return lines;
    const [, step = '', errno = '', why = ''] = /^failed (\S+) (\d+) (.*)$/s.exec(last) ?? [];
    if (step === 'act') throw new NfsOperationError(errnoName(Number(errno)));
    throw refusals.unreachableExport(this.settings, step, errnoName(Number(errno)), why);
  }

  /** Without caches (`nosharecache`, `lookupcache=none`), because other hosts change the export too. */
  private async ownOptions(): Promise<string> {
    const how = this.settings.options.filter((option) =>
      /^(vers|sec|proto|port|(no)?resvport)\b/.test(option),
    );
    const own = ['soft', 'timeo=20', 'retrans=1', 'nosharecache', 'lookupcache=none'];
    return [...how, ...own, `addr=${await this.resolve()}`].join(',');
  }

  /**
   * Looked up each time, since the address of a server may change; when the lookup fails, the last address is used. One lookup
   * at a time: a resolver that hangs blocks one of Node's four threads.
   */
  private async resolve(): Promise<string> {
    const { host } = this.settings;
    if (host.startsWith('[') || isIP(host) !== 0) return this.address ?? host;
    this.looking ??= lookup(host)
      .then(({ address }) => {
        this.address = address;
        return address;
      })
      .finally(() => {
        this.looking = undefined;
      });
    try {
      return await withTimeout(lookupLimitMs, this.looking);
    } catch (thrown) {
      if (this.address !== undefined) return this.address;
      throw refusals.unknownHost(this.settings, errorMessage(thrown));
    }
  }

  /** @returns what it printed; undefined when the server did not answer in time */
  private async runMountProgram(args: readonly string[], timeLimitMs: number): Promise<string | undefined> {
    const options = { env: {}, timeLimitMs, outputLimitBytes };
    const { end, stdout, isTruncated } = await runProgram(this.mountProgram, args, options);
    if (end.kind === 'timed-out' || end.kind === 'hung') return undefined;
    if (end.kind === 'not-started') {
      throw new RefusalError(
        'backend_failed',
        `${this.mountProgram} cannot be run: ${end.error}`,
        'install the castle again, with castle-mount beside it',
      );
    }
    if (isTruncated) throw refusals.tooManyEntries(this.settings);
    return stdout;
  }
}

function withTimeout<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer from the resolver')), ms);
  });
  return Promise.race([work, bound]).finally(() => clearTimeout(timer));
}
