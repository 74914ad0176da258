import { setTimeout as pause } from 'node:timers/promises';
import { findJava } from '../src/bailey/controller/find-java.ts';
import { splitWords } from '../src/bailey/launch/split-words.ts';
import { type Castle, castleOptions, startCastle } from './castle.ts';
import { comparison } from './comparison.ts';
import { type Container, type ContainerSettings, startContainer } from './container.ts';
import type { Controller, SavedData } from './controller.ts';
import { figureRows, mountText } from './figure-rows.ts';
import { type InitFigures, readFigures, readInitFigures } from './figures.ts';
import { programName } from './program-name.ts';
import type { Screen } from './screen.ts';
import { DemoError, until } from './until.ts';
import { mountsBelow, type Workspace } from './workspace.ts';

/** The dependencies of the demo. */
export interface ScenarioDeps {
  readonly workspace: Workspace;
  readonly controller: Controller;
  readonly screen: Screen;
  /** Aborted by ^C and SIGTERM. */
  readonly signal: AbortSignal;
  /** Environment of the castle. */
  readonly env: Readonly<Record<string, string>>;
}

const volume = 'demo';
const longRunMs = 8_000;
const shortRunMs = 3_000;
const displayEveryMs = 200;
/** The exit code of a program that SIGTERM ended, as a shell shows it; java uses it too. */
const terminated = 143;

/** Prints whether a check passed, and records those that failed. */
type Expect = (holds: boolean, statement: string, failure: string) => void;

/**
 * Runs the demo: a container without bailey-init, then a castle and two containers with bailey-init. In every case,
 * all processes that it started have ended when it returns or throws.
 * @returns one sentence for each check that failed
 * @throws DemoError when the demo cannot continue; the signal's reason
 */
export async function runScenario(deps: ScenarioDeps): Promise<readonly string[]> {
  const { screen } = deps;
  const failures: string[] = [];
  const expect: Expect = (holds, statement, failure) => {
    if (!holds) failures.push(failure);
    screen.line(holds ? `  ok      ${statement}` : `  FAILED  ${failure}`);
  };
  const without = await runWithoutInit(deps, expect);
  const withInit = await runWithCastle(deps, expect);
  screen.line(`\nThe same program for the same time (${longRunMs / 1000} s):\n`);
  for (const line of comparison(without, withInit)) screen.line(line);
  screen.line('');
  return failures;
}

/** Runs the controller as PID 1, as in an image without an init: its orphans are not reaped. */
async function runWithoutInit(deps: ScenarioDeps, expect: Expect): Promise<ContainerResult> {
  const { controller, workspace } = deps;
  const { env } = controller;
  const java = findJava(env['JAVA_HOME'], env['PATH']);
  const words = (name: string) => splitWords(name, env[name] ?? '');
  const command = [java, ...words('JAVA_OPTS'), '-jar', env['JENKINS_WAR'] ?? '', ...words('JENKINS_OPTS')];
  return runContainer(deps, expect, {
    title: 'container 1, without bailey-init',
    shownCommand: 'java -jar jenkins.war',
    runMs: longRunMs,
    hasInit: false,
    settings: { command, home: workspace.plainHome, env: { ...env, JENKINS_HOME: workspace.plainHome } },
    async onReady(container) {
      const name = pid1Program(container);
      deps.screen.line(`  ok      PID 1 is ${name} itself (process ${container.pid1} on the host)`);
    },
    async onFigures({ zombies }) {
      expect(
        zombies > 0,
        `${zombies} zombies fill the process table: PID 1 does not reap them`,
        'no zombie was seen without bailey-init',
      );
    },
  });
}

const pid1Program = ({ pid1 }: Container): string => programName({ pid: pid1, name: 'unknown' });

/** Runs a castle, and two containers with bailey-init one after the other on the same volume. */
async function runWithCastle(deps: ScenarioDeps, expect: Expect): Promise<ContainerResult> {
  const { screen, workspace, signal, env } = deps;
  screen.line(`\n$ castle serve ${castleOptions(workspace).join(' ')}`);
  const castle = await startCastle(workspace, env, signal);
  try {
    screen.line(`  ok      the castle answers (process ${castle.pid})`);
    const first = await runInCastle(deps, castle, expect, 'container 2, with bailey-init', longRunMs);
    await runInCastle(deps, castle, expect, 'container 3, on the same volume', shortRunMs, first.savedData);
    expect((await castle.stop()) === 0, 'the castle has stopped', 'the castle did not stop with exit code 0');
    const left = mountsBelow(workspace.folder);
    expect(
      left.length === 0,
      'no mount is left',
      `mounts are left: ${left.map(({ point }) => point).join(', ')}`,
    );
    return first;
  } finally {
    await castle.stop();
  }
}

/** Runs one container with bailey-init and the castle's volume. */
async function runInCastle(
  deps: ScenarioDeps,
  castle: Castle,
  expect: Expect,
  title: string,
  runMs: number,
  earlier?: SavedData,
): Promise<ContainerResult> {
  const { screen, workspace, signal } = deps;
  const result = await runContainer(deps, expect, {
    title,
    shownCommand: 'bailey-init -- bailey jenkins',
    runMs,
    hasInit: true,
    settings: {
      command: ['dist/bailey-init', '--', process.execPath, 'dist/bailey.js', 'jenkins'],
      home: workspace.home,
      env: castleEnvironment(deps),
    },
    async onReady(container) {
      const main = container.mainChild();
      screen.line(
        `  ok      PID 1 is bailey-init (process ${container.pid1} on the host), and bailey has become ${main && programName(main)}`,
      );
      if (earlier === undefined) return;
      const found = earlier.foundBy(container);
      expect(
        found !== undefined,
        `it found the data of container 2: ${found}`,
        `container 3 did not find the data of container 2: ${earlier.description}`,
      );
    },
    async onFigures({ mostZombies, container }) {
      const { mount } = await readFigures(container, true);
      expect(
        mount !== undefined,
        `volume ${volume} is mounted: ${mount && mountText(mount)}`,
        'nothing is mounted on JENKINS_HOME',
      );
      expect(mostZombies === 0, 'no zombie was ever seen', `zombies were seen in ${title}: ${mostZombies}`);
    },
  });
  await until(async () => (await castle.leases()).length === 0 || undefined, {
    what: 'the lease has ended with its container',
    withinMs: 10_000,
    signal,
  });
  screen.line('  ok      the lease has ended with its container');
  return result;
}

/** The observations of one container. */
export interface ContainerResult {
  readonly orphans: number;
  /** At the end of the run. */
  readonly zombies: number;
  /** The highest number at one time. */
  readonly mostZombies: number;
  /** CPU time and wake-ups from when the controller was ready; undefined without bailey-init. */
  readonly init: InitFigures | undefined;
  /** The program that PID 1 runs. */
  readonly pid1Program: string;
  /** The exit code after SIGTERM. */
  readonly exitCode: number;
  readonly savedData: SavedData;
}

/** The parameters of one container. */
interface ContainerRun {
  readonly title: string;
  /** The command as shown in the output. */
  readonly shownCommand: string;
  readonly runMs: number;
  /** Whether PID 1 is bailey-init. */
  readonly hasInit: boolean;
  readonly settings: ContainerSettings;
  /** Called when the controller is ready. */
  onReady(container: Container): Promise<void>;
  /** Called at the end of the run, while the container still runs. */
  onFigures(figures: ObservedFigures): Promise<void>;
}

/** Runs one container from its start to its end. */
async function runContainer(
  { screen, controller, signal }: ScenarioDeps,
  expect: Expect,
  run: ContainerRun,
): Promise<ContainerResult> {
  screen.line(`\n${run.title}: ${controller.description}`);
  screen.line(`$ ${run.shownCommand}`);
  const container = await startContainer(run.settings, signal);
  try {
    await until(async () => (await controller.isReady(container)) || undefined, {
      what: 'the controller is ready',
      withinMs: controller.readyWithinMs,
      signal,
      impossible: () =>
        container.code() === undefined ? undefined : `the container ended with ${container.code()}`,
    });
    await run.onReady(container);
    const observed = await observe({ screen, controller, signal }, container, run);
    const { orphans } = observed;
    expect(orphans > 0, `${orphans} orphans were left behind`, 'no orphan was left behind');
    await run.onFigures(observed);
    const program = pid1Program(container);
    const savedData = controller.savedData(container);

    const start = performance.now();
    const exitCode = await container.stop('SIGTERM', controller.stopsWithinMs);
    const tookMs = Math.round(performance.now() - start);
    expect(
      exitCode === terminated,
      `SIGTERM to PID 1: exit code ${exitCode} after ${tookMs} ms`,
      `SIGTERM to PID 1 gave exit code ${exitCode}`,
    );
    const { zombies, mostZombies, init } = observed;
    return { orphans, zombies, mostZombies, init, pid1Program: program, exitCode, savedData };
  } catch (thrown) {
    if (thrown instanceof DemoError)
      for (const line of container.lines.slice(-20)) screen.line(`  | ${line}`);
    throw thrown;
  } finally {
    screen.settle();
    await container.stop('SIGKILL', 5_000);
  }
}

interface ObservedFigures {
  readonly container: Container;
  readonly orphans: number;
  readonly zombies: number;
  readonly mostZombies: number;
  readonly init: InitFigures | undefined;
}

/** Shows the figures of a container for the time of its run. */
async function observe(
  { screen, controller, signal }: Pick<ScenarioDeps, 'screen' | 'controller' | 'signal'>,
  container: Container,
  { title, runMs, hasInit }: ContainerRun,
): Promise<ObservedFigures> {
  const orphans = await controller.leaveOrphans(container);
  const atStart = readInitFigures(container.pid1);
  const start = performance.now();
  const firstSeen = new Map<string, number>();
  let [zombies, mostZombies] = [0, 0];
  for (let elapsed = 0; elapsed < runMs; elapsed = performance.now() - start) {
    const figures = await readFigures(container, hasInit, firstSeen);
    zombies = figures.zombies;
    mostZombies = Math.max(mostZombies, zombies);
    screen.live(
      `${title}, ${(elapsed / 1000).toFixed(1)} of ${runMs / 1000} s`,
      figureRows(figures, orphans.count(), mostZombies),
    );
    if (container.code() !== undefined)
      throw new DemoError(`the container ended by itself with ${container.code()}`);
    await pause(displayEveryMs, undefined, { signal });
  }
  screen.settle();
  const atEnd = readInitFigures(container.pid1);
  const init = {
    residentKb: atEnd.residentKb,
    cpuMs: atEnd.cpuMs - atStart.cpuMs,
    wakeUps: atEnd.wakeUps - atStart.wakeUps,
  };
  return { container, orphans: orphans.count(), zombies, mostZombies, init: hasInit ? init : undefined };
}

/** The variables that an orchestrator would set: the address of the castle and the name of the volume. */
const castleEnvironment = ({ controller, workspace }: ScenarioDeps): Readonly<Record<string, string>> => ({
  ...controller.env,
  CASTLE_URL: `unix://${workspace.socket}`,
  CASTLE_VOLUME: volume,
  JENKINS_HOME: workspace.home,
  REF: workspace.reference,
});
