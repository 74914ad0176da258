import type { Lease } from '../src/protocol/contract.ts';
import { connectTo } from '../src/protocol/http.ts';
import { errorMessage } from '../src/terminal/failure.ts';
import { type ChildProgram, startProgram } from './child-program.ts';
import { DemoError, until } from './until.ts';
import type { Workspace } from './workspace.ts';

/** A castle that answers. */
export interface Castle {
  readonly pid: number;
  /** The leases that have not ended. */
  leases(): Promise<readonly Lease[]>;
  /** Stops the castle with SIGTERM, and with SIGKILL when it does not end in time. */
  stop(): Promise<number>;
}

const answersWithinMs = 15_000;
const stopsWithinMs = 5_000;

/** The options of `castle serve` with all data in the workspace. */
export const castleOptions = ({ socket, state, volumes }: Workspace): readonly string[] => [
  ...['--socket', socket],
  ...['--state', state],
  ...['--backend', `local=${volumes}`],
  ...['--runtime', 'process'],
];

/** Starts a castle, and waits until it answers. */
export async function startCastle(
  workspace: Workspace,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Castle> {
  const { socket } = workspace;
  const castle = await startProgram(
    [process.execPath, 'dist/castle.js', 'serve', ...castleOptions(workspace)],
    env,
  );
  const call = await connectTo({ kind: 'unix', socketPath: socket }, () => ({}));
  try {
    await until(
      async () => (await call('GET', '/v1/status').catch(() => undefined))?.status === 200 || undefined,
      { what: 'the castle answers', withinMs: answersWithinMs, signal, impossible: () => endOf(castle) },
    );
  } catch (thrown) {
    await stop(castle);
    throw thrown;
  }
  return {
    pid: castle.pid,
    async leases() {
      const { status, body } = await call('GET', '/v1/leases').catch((thrown: unknown) => {
        throw new DemoError(`the castle stopped answering: ${endOf(castle) ?? errorMessage(thrown)}`);
      });
      if (status !== 200) throw new DemoError(`the castle answered ${status} to GET /v1/leases`);
      return (body as readonly Lease[]).filter(({ state }) => state !== 'ended');
    },
    stop: () => stop(castle),
  };
}

function endOf({ code, lines }: ChildProgram): string | undefined {
  return code() === undefined ? undefined : `it ended with ${code()}: ${lines.slice(-3).join(' / ')}`;
}

async function stop(castle: ChildProgram): Promise<number> {
  castle.kill('SIGTERM');
  const kill = setTimeout(() => castle.kill('SIGKILL'), stopsWithinMs);
  const code = await castle.ended;
  clearTimeout(kill);
  return code;
}
