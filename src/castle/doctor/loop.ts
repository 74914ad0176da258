import { hasCapability } from '../../linux/proc.ts';
import { Failure } from '../../terminal/failure.ts';
import { requireLoopDevices } from '../backends/loop/backend.ts';
import type { FileSystem } from '../file-systems/file-system.ts';
import { type Finding, missing, ok, warning } from './finding.ts';

/** CAP_SYS_RESOURCE; capabilities(7). */
const sysResource = 24;

/** Checks what the backend loop needs: loop devices, and the tools of the file system of new images. */
export async function loopFindings(fileSystem: FileSystem): Promise<readonly Finding[]> {
  const { name } = fileSystem;
  const findings = [
    await has('loop devices', 'can be created', requireLoopDevices),
    await has(`tools of ${name}`, 'are installed', () => fileSystem.requirePrograms()),
  ];
  if (name === 'ext4' && !hasCapability(sysResource)) {
    findings.push(
      warning(
        'growing',
        'without CAP_SYS_RESOURCE, an ext4 cannot grow while a container uses it',
        'add that capability to the castle, or use fs=xfs',
      ),
    );
  }
  return findings;
}

async function has(what: string, found: string, need: () => void | Promise<void>): Promise<Finding> {
  try {
    await need();
    return ok(what, found);
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return missing(what, thrown.sentence, thrown.remedy ?? 'correct this first');
  }
}
