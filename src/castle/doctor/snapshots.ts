import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasCapability } from '../../linux/proc.ts';
import { runProgram } from '../../linux/run-program.ts';
import type { ServeSettings } from '../daemon/serve-settings.ts';
import { type Finding, missing, ok, warning } from './finding.ts';
import { capabilityRemedy, sysAdmin } from './permissions.ts';

/** Checks what snapshots need, and whether they are reflinks or full copies. @param folder of the volumes */
export async function snapshotFindings(settings: ServeSettings, folder: string): Promise<readonly Finding[]> {
  const isLoop = settings.backend.name === 'loop';
  const shares = await canShare(folder);
  const findings: Finding[] = [];
  if (isLoop) {
    findings.push(
      // FIFREEZE requires it in the user namespace that the file system was mounted in.
      hasCapability(sysAdmin)
        ? ok('freezing (FIFREEZE)', 'mounted volumes can be frozen for a snapshot')
        : missing(
            'freezing (FIFREEZE)',
            'a mounted volume cannot be frozen without CAP_SYS_ADMIN',
            capabilityRemedy(['CAP_SYS_ADMIN']),
          ),
    );
  }
  const what = `snapshots in ${folder}`;
  if (shares) findings.push(ok(what, 'share their blocks with the volume (reflink), and are instant'));
  else {
    findings.push(
      warning(
        what,
        `are full copies of a volume${
          isLoop ? `, which is frozen during the copy, for at most ${settings.freezeLimitMs / 1000} s` : ''
        }`,
        'put the volumes on xfs or btrfs, where snapshots are instant',
      ),
    );
  }
  return [...findings, ...planFinding(settings)];
}

function planFinding({ snapshots }: ServeSettings): readonly Finding[] {
  const what = 'snapshots by schedule';
  if (snapshots === undefined) return [];
  const next = snapshots.nextAfter(Date.now());
  if (next === undefined)
    return [warning(what, 'the schedule has no future time', 'correct --snapshot-schedule')];
  return [ok(what, `the next ones are taken at ${new Date(next).toISOString()}`)];
}

/**
 * Whether files can share blocks (reflink). Tries it with a temporary file, because the type of the file system is not enough: xfs
 * supports it or not, depending on its mkfs options. If the folder does not exist yet, uses its nearest existing parent.
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
    return false; // Faults of the folder itself are reported by folders.ts.
  } finally {
    if (trial !== undefined) await rm(trial, { recursive: true, force: true });
  }
}
