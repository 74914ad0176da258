import { setTimeout as pause } from 'node:timers/promises';
import { type Castle, startCastle } from './castle.ts';
import { type Container, entrypoint, startContainer } from './container.ts';
import { type InitFigures, programOf, readFigures, readInitFigures } from './figures.ts';
import { cost, describe, rows } from './rows.ts';
import type { Screen } from './screen.ts';
import { BrokenPromise, until } from './until.ts';
import type { War } from './war.ts';
import { mountsBelow, type Workspace } from './workspace.ts';

/** What the story is told with. */
export interface Stage {
  readonly workspace: Workspace;
  readonly war: War;
  readonly screen: Screen;
  /** Aborted by ^C and SIGTERM. */
  readonly signal: AbortSignal;
  /** Environment of the castle. */
  readonly env: Readonly<Record<string, string>>;
}

const volume = 'demo';
const firstRunMs = 8_000;
const secondRunMs = 3_000;
const betweenFiguresMs = 200;
/** SIGTERM as a shell sees it; java exits so by itself. */
const terminated = 143;

/**
 * The demo from the castle's start to its end. Whatever happens, nothing that it started is left.
 * @returns what did not come true, a sentence each
 * @throws BrokenPromise when it cannot go on; the signal's reason
 */
export async function tellStory(stage: Stage): Promise<readonly string[]> {
  const { screen, workspace, signal } = stage;
  const faults: string[] = [];
  const expect = (holds: boolean, sentence: string, otherwise: string) => {
    if (!holds) faults.push(otherwise);
    screen.line(holds ? `  ok      ${sentence}` : `  FAILED  ${otherwise}`);
  };

  const castle = await startCastle(workspace, stage.env, signal);
  try {
    screen.line(`\n$ ${castle.command}`);
    screen.line(`  ok      the castle answers (pid ${castle.pid})`);

    const first = await act(stage, castle, 'container 1', firstRunMs, expect);
    const second = await act(
      stage,
      castle,
      'container 2, on the same volume',
      secondRunMs,
      expect,
      (container) => {
        const found = first.memory.foundBy(container);
        expect(
          found !== undefined,
          `it has found the data of container 1: ${found}`,
          `container 2 did not find what container 1 left, ${first.memory.text}`,
        );
      },
    );

    expect((await castle.stop()) === 0, 'the castle has stopped', 'the castle did not stop with exit code 0');
    const left = mountsBelow(workspace.folder);
    expect(
      left.length === 0,
      'no mount is left',
      `mounts are left: ${left.map(({ point }) => point).join(', ')}`,
    );
    screen.line('');
    const orphans = first.orphans + second.orphans;
    screen.line(
      `${orphans} orphans in two containers, ${Math.max(first.mostZombies, second.mostZombies)} zombies at most at one time.`,
    );
    screen.line(
      `PID 1, while ${first.orphans} orphans came and went: ${first.init.residentKb} KB, ${cost(first.init)}.`,
    );
  } finally {
    await castle.stop();
  }
  return faults;
}

/** What one container has shown. */
interface Outcome {
  readonly orphans: number;
  readonly mostZombies: number;
  /** CPU and wake-ups: from when the controller was ready. */
  readonly init: InitFigures;
  readonly memory: ReturnType<War['remember']>;
}

type Expect = (holds: boolean, sentence: string, otherwise: string) => void;

/** One container from start to end. */
async function act(
  stage: Stage,
  castle: Castle,
  title: string,
  runMs: number,
  expect: Expect,
  onReady: (container: Container) => void = () => undefined,
): Promise<Outcome> {
  const { screen, workspace, war, signal } = stage;
  screen.line(`\n${title}: ${war.description}`);
  screen.line(`$ ${entrypoint.join(' ')}`);
  const container = await startContainer(workspace.home, containerEnv(stage), signal);
  try {
    await until(async () => (await war.isReady(container)) || undefined, {
      what: 'the controller is ready',
      withinMs: war.readyWithinMs,
      signal,
      hopeless: () =>
        container.code() === undefined ? undefined : `the container ended with ${container.code()}`,
    });
    const main = container.mainChild();
    screen.line(
      `  ok      PID 1 is bailey-init (${container.pid1} out here), and bailey has become ${main && programOf(main)}`,
    );
    onReady(container);
    const outcome = await watch(stage, container, title, runMs);
    const { mount } = await readFigures(container);
    expect(
      mount !== undefined,
      `volume ${volume} is mounted: ${mount && describe(mount)}`,
      'nothing is mounted on JENKINS_HOME',
    );
    expect(outcome.orphans > 0, `${outcome.orphans} orphans were left behind`, 'no orphan was left behind');
    expect(
      outcome.mostZombies === 0,
      'no zombie was ever seen',
      `zombies were seen in ${title}: ${outcome.mostZombies}`,
    );

    const before = performance.now();
    const code = await container.stop('SIGTERM', war.stopsWithinMs);
    const tookMs = Math.round(performance.now() - before);
    expect(
      code === terminated,
      `SIGTERM to PID 1: exit code ${code} after ${tookMs} ms`,
      `SIGTERM to PID 1 gave exit code ${code}`,
    );
    await until(async () => (await castle.leases()).length === 0 || undefined, {
      what: 'the lease has ended with its container',
      withinMs: 10_000,
      signal,
    });
    screen.line('  ok      the lease has ended with its container');
    return outcome;
  } catch (thrown) {
    if (thrown instanceof BrokenPromise)
      for (const line of container.lines.slice(-20)) screen.line(`  | ${line}`);
    throw thrown;
  } finally {
    screen.settle();
    await container.stop('SIGKILL', 5_000);
  }
}

/** Shows the figures for a while. */
async function watch(
  { screen, war, signal }: Stage,
  container: Container,
  title: string,
  runMs: number,
): Promise<Outcome> {
  const orphans = await war.leaveOrphans(container);
  const atStart = readInitFigures(container.pid1);
  const start = performance.now();
  const seenSince = new Map<string, number>();
  let mostZombies = 0;
  for (let elapsed = 0; elapsed < runMs; elapsed = performance.now() - start) {
    const figures = await readFigures(container, seenSince);
    mostZombies = Math.max(mostZombies, figures.zombies);
    screen.live(
      `${title}, ${(elapsed / 1000).toFixed(1)} of ${runMs / 1000} s`,
      rows(figures, orphans.count(), mostZombies),
    );
    if (container.code() !== undefined)
      throw new BrokenPromise(`the container ended by itself, with ${container.code()}`);
    await pause(betweenFiguresMs, undefined, { signal });
  }
  screen.settle();
  const atEnd = readInitFigures(container.pid1);
  return {
    orphans: orphans.count(),
    mostZombies,
    init: {
      residentKb: atEnd.residentKb,
      cpuMs: atEnd.cpuMs - atStart.cpuMs,
      wakeUps: atEnd.wakeUps - atStart.wakeUps,
    },
    memory: war.remember(container),
  };
}

/** What an orchestrator would give the container: where the castle is, and which volume it wants. */
const containerEnv = ({ war, workspace }: Stage): Readonly<Record<string, string>> => ({
  ...war.env,
  CASTLE_URL: `unix://${workspace.socket}`,
  CASTLE_VOLUME: volume,
  JENKINS_HOME: workspace.home,
  REF: workspace.reference,
});
