import { native } from '../../../linux/native-addon.ts';
import { errorPath } from '../../../terminal/failure.ts';
import { accessFailure } from '../../container/folder-access.ts';
import type { ReferenceConfig } from '../controller-config.ts';
import { keyOf } from './byte-path.ts';
import {
  cachePlacedVersions,
  markerOf,
  type Plan,
  type PlanRequest,
  planFile,
} from './decide-reference-file.ts';
import { lockHome } from './home-lock.ts';
import type { ReferenceFile } from './list-reference-files.ts';
import { PluginVersionCache } from './plugin-version-cache.ts';
import { startProgressReports } from './progress-reports.ts';
import { eventLoopYielder } from './yield-to-event-loop.ts';

/** The input of {@link fillHome}. */
export interface FillHomeRequest {
  /** JENKINS_HOME, absolute. */
  readonly home: string;
  readonly reference: ReferenceConfig;
  /** Variables to substitute in configuration files. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes one line to standard error. */
  readonly logLine: (line: string) => void;
  /** Aborts the copying, between two files or in the middle of a large one. */
  readonly signal: AbortSignal;
}

/**
 * Decides about all reference files first, then writes: a read error is found before anything has changed.
 * @param lines receives the lines for the log, also when this throws
 * @throws Failure with the path that could not be read or written, 75 when another start keeps JENKINS_HOME locked; the
 *   signal's reason
 */
export async function fillHome(
  files: readonly ReferenceFile[],
  request: FillHomeRequest,
  lines: string[],
): Promise<void> {
  const { home, reference, env, logLine, signal } = request;
  // Lock before deciding: the files of another start change the decisions.
  const unlockHome = await lockHome({ home, native: native(), logLine, signal });
  const plans: Plan[] = [];
  const placed = new Set<Plan>();
  const cache = new PluginVersionCache(home);
  const stopProgressReports = startProgressReports(() =>
    logLine(
      `filling ${home}: ${plans.length} of ${files.length} reference files examined, ${placed.size} written`,
    ),
  );
  try {
    const yieldToEventLoop = eventLoopYielder(signal);
    for (const file of files) {
      await yieldToEventLoop();
      plans.push(await planWithFailure(file, { home, reference, cache }));
    }
    const due = dropDuplicateMarkers(plans.filter(({ copy, marker }) => copy || marker !== undefined));
    if (due.length > 0) {
      const { placeFiles } = await import('./place-files.ts'); // dynamic: most starts write nothing
      await placeFiles(due, {
        native: native(),
        variables: reference.substitute ? env : undefined,
        signal,
        placed: (plan) => placed.add(plan),
      });
    }
    for (const plan of placed) cachePlacedVersions(plan, cache);
    cache.save();
  } finally {
    stopProgressReports();
    unlockHome();
    for (const plan of plans)
      if (plan.line !== undefined && (!plan.copy || placed.has(plan))) lines.push(plan.line);
  }
}

/**
 * Removes the plans for marker files, which an image made from a JENKINS_HOME contains: the marker of a copied plug-in
 * replaces them.
 */
function dropDuplicateMarkers(due: readonly Plan[]): Plan[] {
  const markers = new Set(
    due.filter(({ marker }) => marker !== undefined).map((plan) => keyOf(markerOf(plan))),
  );
  return due.filter(({ target }) => !markers.has(keyOf(target)));
}

async function planWithFailure(file: ReferenceFile, request: PlanRequest): Promise<Plan> {
  try {
    return await planFile(file, request);
  } catch (thrown) {
    throw accessFailure('', errorPath(thrown) ?? file.path.toString(), thrown, 'be read');
  }
}
