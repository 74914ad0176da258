import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runProgram } from '../../linux/run-program.ts';
import { Failure } from '../../terminal/failure.ts';
import type { ServeSettings } from '../daemon/serve-settings.ts';
import { readPlan } from '../snapshots/schedule-settings.ts';
import { type Finding, missing, ok, warning } from './finding.ts';
import { holds } from './permissions.ts';

/** CAP_SYS_ADMIN; capabilities(7). ioctl_fs(2) asks for it, over the namespace that the file system was mounted in. */
const sysAdmin = 21;

/** What snapshots need, and what they cost here. @param folder of the volumes */
export async function snapshotFindings(settings: ServeSettings, folder: string): Promise<readonly Finding[]> {
  const isLoop = settings.backend.startsWith('loop=');
  const shares = await canShare(folder);
  const findings: Finding[] = [];
  if (isLoop) {
    findings.push(
      holds(sysAdmin)
        ? ok('standing still (FIFREEZE)', 'mounted volumes can be frozen for a snapshot')
        : missing('standing still (FIFREEZE)', 'it takes CAP_SYS_ADMIN', 'run it as root on the host'),
    );
  }
  const what = `snapshots in ${folder}`;
  if (shares) findings.push(ok(what, 'share what they can with the volume (reflink): they take no time'));
  else {
    findings.push(
      warning(
        what,
        `are copies of all that a volume has${
          isLoop ? `, which stands still meanwhile, at most ${settings.freezeLimitMs / 1000} s` : ''
        }`,
        'put the volumes on an xfs or btrfs, where they take no time',
      ),
    );
  }
  return [...findings, ...(await planFinding(settings))];
}

async function planFinding({ snapshots }: ServeSettings): Promise<readonly Finding[]> {
  const what = 'snapshots by schedule';
  if (snapshots === undefined) return [];
  try {
    const next = (await readPlan(snapshots)).nextAfter(Date.now());
    if (next === undefined) return [warning(what, 'have no time any more', 'correct --snapshot-schedule')];
    return [ok(what, `the next ones are taken on ${new Date(next).toISOString()}`)];
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return [missing(what, thrown.sentence, thrown.remedy ?? 'correct that')];
  }
}

/**
 * Tries it, with a file that is gone afterwards: no file system tells, and xfs can do it or not as it was made. Where the
 * folder is not there yet, what it is to be made in is tried.
 */
async function canShare(folder: string): Promise<boolean> {
  let place = folder;
  while (!existsSync(place) && place !== dirname(place)) place = dirname(place);
  let trial: string | undefined;
  try {
    trial = await mkdtemp(join(place, '.creating-doctor-'));
    const [from, to] = [join(trial, 'from'), join(trial, 'to')] as const;
    await writeFile(from, 'x'.repeat(4096), { flush: true });
    return (await runProgram('cp', ['--reflink=always', from, to])).exitCode === 0;
  } catch {
    return false; // The folder itself is looked at elsewhere.
  } finally {
    if (trial !== undefined) await rm(trial, { recursive: true, force: true });
  }
}
