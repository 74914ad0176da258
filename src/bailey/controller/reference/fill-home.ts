import { native } from '../../../linux/native-addon.ts';
import { errorPath } from '../../../terminal/failure.ts';
import { accessFailure } from '../../container/folder-access.ts';
import type { ReferenceConfig } from '../environment.ts';
import { keyOf } from './byte-path.ts';
import { takeTurn } from './home-lock.ts';
import type { ReferenceFile } from './list-files.ts';
import { markerOf, type Plan, type PlanRequest, planFile, rememberPlaced } from './plan-file.ts';
import { Memory } from './plugin-version-cache.ts';
import { tellProgress } from './progress.ts';
import { breather } from './yield-to-event-loop.ts';

/** Where the files go, by which rules. */
export interface FillRequest {
  /** JENKINS_HOME, absolute. */
  readonly home: string;
  readonly reference: ReferenceConfig;
  /** What may be put into configuration files. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Prints one line for people. */
  readonly logLine: (line: string) => void;
  /** Aborts between two files, and in the middle of a large one. */
  readonly signal: AbortSignal;
}

/**
 * Decides about all reference files, and then writes what is to be written: what cannot be read is found before anything
 * has been changed.
 * @param lines gets the log's lines, also when it throws: they tell what has been done
 * @throws Failure with the path that could not be read or written, 75 when another start fills the home and does not end;
 *   the signal's reason
 */
export async function fillHome(
  files: readonly ReferenceFile[],
  request: FillRequest,
  lines: string[],
): Promise<void> {
  const { home, reference, env, logLine, signal } = request;
  // Before anything is decided: what the other start puts there changes what is to be done.
  const endTurn = await takeTurn({ home, native: native(), logLine, signal });
  const plans: Plan[] = [];
  const placed = new Set<Plan>();
  const memory = new Memory(home);
  const endProgress = tellProgress(() =>
    logLine(
      `filling ${home}: ${plans.length} of ${files.length} reference files examined, ${placed.size} written`,
    ),
  );
  try {
    const breathe = breather(signal);
    for (const file of files) {
      await breathe();
      plans.push(await planOrFailure(file, { home, reference, memory }));
    }
    const due = withoutRivals(plans.filter(({ copy, marker }) => copy || marker !== undefined));
    if (due.length > 0) {
      const { placeFiles } = await import('./place-files.ts'); // here and not above: most starts write nothing
      await placeFiles(due, {
        native: native(),
        variables: reference.substitute ? env : undefined,
        signal,
        placed: (plan) => placed.add(plan),
      });
    }
    for (const plan of placed) rememberPlaced(plan, memory);
    memory.save();
  } finally {
    endProgress();
    endTurn();
    for (const plan of plans)
      if (plan.line !== undefined && (!plan.copy || placed.has(plan))) lines.push(plan.line);
  }
}

/** An image made of somebody's JENKINS_HOME has marker files, too; a plug-in that is copied brings its own. */
function withoutRivals(due: readonly Plan[]): Plan[] {
  const markers = new Set(
    due.filter(({ marker }) => marker !== undefined).map((plan) => keyOf(markerOf(plan))),
  );
  return due.filter(({ target }) => !markers.has(keyOf(target)));
}

async function planOrFailure(file: ReferenceFile, request: PlanRequest): Promise<Plan> {
  try {
    return await planFile(file, request);
  } catch (thrown) {
    throw accessFailure('', errorPath(thrown) ?? file.path.toString(), thrown, 'be read');
  }
}
