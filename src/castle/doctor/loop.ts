import { Failure } from '../../terminal/failure.ts';
import { requireLoopDevices } from '../backends/loop/backend.ts';
import type { FileSystem } from '../file-systems/file-system.ts';
import { type Finding, missing, ok, warning } from './finding.ts';
import { holds } from './permissions.ts';

/** CAP_SYS_RESOURCE; capabilities(7). */
const sysResource = 24;

/** What the backend loop needs: loop devices, and the tools of the file system that new images get. */
export async function loopFindings(fileSystem: FileSystem): Promise<readonly Finding[]> {
  const { name } = fileSystem;
  const findings = [
    await has('loop devices', 'can be made', requireLoopDevices),
    await has(`tools of ${name}`, 'are there', () => fileSystem.requirePrograms()),
  ];
  if (name === 'ext4' && !holds(sysResource)) {
    findings.push(
      warning(
        'growing',
        'without CAP_SYS_RESOURCE no ext4 grows while a container uses it',
        'give the castle that capability, or use fs=xfs',
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
    return missing(what, thrown.sentence, thrown.remedy ?? 'see to that first');
  }
}
