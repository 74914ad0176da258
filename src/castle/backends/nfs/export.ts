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
/** The time limit of a name lookup, in milliseconds. */
const lookupLimitMs = 5_000;

/** The maximum output of one operation, in bytes: enough for a folder with several hundred thousand entries. */
const outputLimitBytes = 64 * 2 ** 20;

/** The server answered an operation with an error. */
export class NfsOperationError extends Error {
  override readonly name = 'NfsOperationError';

  /** @param code as in errno(3) */
  constructor(readonly code: string) {
    super(code);
  }
}

/**
 * The castle's own operations on an export. Each operation is a process that mounts the export in a new mount namespace. A
 * server that does not answer blocks only that process, never the castle, and a killed castle leaves no mount behind.
 * native/mount/nfs_export.c implements the operations.
 */
export class NfsExport {
  /** The last known address of the server. */
  address: string | undefined;
  private lookupInProgress: Promise<string> | undefined;

  constructor(
    readonly settings: NfsSettings,
    private readonly mountProgram: string,
  ) {
    const bare = settings.host.replace(/^\[|\]$/g, '');
    if (isIP(bare) !== 0) this.address = bare;
  }

  /**
   * Returns the mount options for a container. `nosharecache` gives each mount a separate superblock: at unmount everything
   * written is on the server, whatever other volumes are mounted, so that the next host can read it.
   */
  async containerOptions(): Promise<string> {
    return [...this.settings.options, 'nosharecache', `addr=${await this.resolve()}`].join(',');
  }

  /**
   * Runs one operation.
   * @param withinMs the time limit, in milliseconds
   * @returns the lines that the operation printed
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

  /**
   * Returns the mount options for the castle's own operations, which disable caches (`nosharecache`, `lookupcache=none`)
   * because other hosts change the export too.
   */
  private async ownOptions(): Promise<string> {
    const how = this.settings.options.filter((option) =>
      /^(vers|sec|proto|port|(no)?resvport)\b/.test(option),
    );
    const own = ['soft', 'timeo=20', 'retrans=1', 'nosharecache', 'lookupcache=none'];
    return [...how, ...own, `addr=${await this.resolve()}`].join(',');
  }

  /**
   * Resolves the server's name at each call, since its address may change. When the lookup fails, the last address is used.
   * Only one lookup runs at a time: a lookup that hangs blocks one of the four threads of libuv's pool.
   */
  private async resolve(): Promise<string> {
    const { host } = this.settings;
    if (host.startsWith('[') || isIP(host) !== 0) return this.address ?? host;
    this.lookupInProgress ??= lookup(host)
      .then(({ address }) => {
        this.address = address;
        return address;
      })
      .finally(() => {
        this.lookupInProgress = undefined;
      });
    try {
      return await withTimeout(lookupLimitMs, this.lookupInProgress);
    } catch (thrown) {
      if (this.address !== undefined) return this.address;
      throw refusals.unknownHost(this.settings, errorMessage(thrown));
    }
  }

  /** Runs castle-mount. @returns its output; undefined when the server did not answer in time */
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
