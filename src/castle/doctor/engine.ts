import { readFileSync } from 'node:fs';
import { errorMessage } from '../../terminal/failure.ts';
import { containerIds } from '../runtimes/container-id.ts';
import { type Finding, missing, ok, warning } from './finding.ts';

/** How long the engine may take to answer, in milliseconds. */
const answerWithinMs = 5_000;

/**
 * Whether the engine answers, and whether its containers are found again by their cgroups: tried on one that runs.
 * @param socketPath the engine's unix socket
 */
export async function engineFindings(socketPath: string): Promise<readonly Finding[]> {
  const { default: Docker } = await import('dockerode');
  const engine = new Docker({ socketPath, timeout: answerWithinMs });
  const what = 'container engine';
  try {
    const { ServerVersion, CgroupVersion, CgroupDriver } = await engine.info();
    const answers = ok(
      what,
      `${ServerVersion} answers on ${socketPath}; cgroups version ${CgroupVersion}, driver ${CgroupDriver}`,
    );
    // Without a limit: with one, the engine lists those that have ended, too.
    for (const { Id } of await engine.listContainers()) {
      const { Pid } = (await engine.getContainer(Id).inspect()).State;
      if (Pid > 0) return [answers, layout(Id, Pid)]; // otherwise it has ended meanwhile
    }
    return [answers, ok('cgroup layout', 'not looked at: no container runs')];
  } catch (thrown) {
    return [
      missing(
        what,
        `does not answer on ${socketPath}: ${errorMessage(thrown)}`,
        'start it, or give --docker-socket',
      ),
    ];
  }
}

function layout(id: string, pid: number): Finding {
  const what = 'cgroup layout';
  const container = `container ${id.slice(0, 12)}, process ${pid}`;
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  } catch (thrown) {
    return warning(
      what,
      `${container} is not to be seen: ${errorMessage(thrown)}`,
      "run the castle in the PID namespace of the engine's host; if the container just ended, try again",
    );
  }
  const found = containerIds(text);
  if (found.length === 1 && found[0] === id) return ok(what, `${container} is recognised by its cgroup`);
  return missing(
    what,
    `${container} is in cgroup ${text.trim().split('\n')[0]}, which names ${found.length} containers`,
    "run the castle in the host's cgroup namespace (--cgroupns host), and report an engine with paths of its own",
  );
}
