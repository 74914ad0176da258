import type { Lease } from '../src/protocol/contract.ts';
import { connectTo } from '../src/protocol/http.ts';
import { errorMessage } from '../src/terminal/failure.ts';
import { type Started, start } from './started.ts';
import { BrokenPromise, until } from './until.ts';
import type { Workspace } from './workspace.ts';

/** A castle that answers. */
export interface Castle {
  /** The command that started it, for people. */
  readonly command: string;
  readonly pid: number;
  /** The leases that have not ended. */
  leases(): Promise<readonly Lease[]>;
  /** Stops it in order, or by force when that takes too long. */
  stop(): Promise<number>;
}

const answersWithinMs = 15_000;
const stopsWithinMs = 5_000;

/** Starts `castle serve` with all its data in the workspace, and waits until it answers. */
export async function startCastle(
  { socket, state, volumes }: Workspace,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Castle> {
  const options = [
    '--socket',
    socket,
    '--state',
    state,
    '--backend',
    `local=${volumes}`,
    '--runtime',
    'process',
  ];
  const castle = await start([process.execPath, 'dist/castle.js', 'serve', ...options], env);
  const call = await connectTo({ kind: 'unix', socketPath: socket }, () => ({}));
  try {
    await until(
      async () => (await call('GET', '/v1/status').catch(() => undefined))?.status === 200 || undefined,
      {
        what: 'the castle answers',
        withinMs: answersWithinMs,
        signal,
        hopeless: () => endOf(castle),
      },
    );
  } catch (thrown) {
    await stop(castle);
    throw thrown;
  }
  return {
    command: `castle serve --socket ${socket} --state ${state} --backend local=${volumes} --runtime process`,
    pid: castle.pid,
    async leases() {
      const { status, body } = await call('GET', '/v1/leases').catch((thrown: unknown) => {
        throw new BrokenPromise(
          `the castle does not answer any more: ${endOf(castle) ?? errorMessage(thrown)}`,
        );
      });
      if (status !== 200) throw new BrokenPromise(`the castle answered ${status} when asked for its leases`);
      return (body as readonly Lease[]).filter(({ state }) => state !== 'ended');
    },
    stop: () => stop(castle),
  };
}

function endOf({ code, lines }: Started): string | undefined {
  return code() === undefined ? undefined : `it ended with ${code()}: ${lines.slice(-3).join(' / ')}`;
}

async function stop(castle: Started): Promise<number> {
  castle.kill('SIGTERM');
  const force = setTimeout(() => castle.kill('SIGKILL'), stopsWithinMs);
  const code = await castle.ended;
  clearTimeout(force);
  return code;
}
