import { readFileSync } from 'node:fs';
import { errorMessage } from '../../terminal/failure.ts';
import { containerIds } from '../runtimes/container-id.ts';
import { type Finding, missing, ok, warning } from './finding.ts';

/** How long the engine may take to answer, in milliseconds. */
const answerWithinMs = 5_000;

/**
 * Checks that the engine answers, and that the castle finds the id of one running container in the path of its cgroup.
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
    // `limit` is not set, because with it the engine also lists containers that have ended.
    for (const { Id } of await engine.listContainers()) {
      const { Pid } = (await engine.getContainer(Id).inspect()).State;
      if (Pid > 0) return [answers, layout(Id, Pid)]; // 0: it has ended since it was listed
    }
    return [answers, ok('cgroup layout', 'not checked: no container is running')];
  } catch (thrown) {
    return [
      missing(
        what,
        `does not answer on ${socketPath}: ${errorMessage(thrown)}`,
        'start the engine, or set --docker-socket',
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
      `${container} is not visible: ${errorMessage(thrown)}`,
      "run the castle in the PID namespace of the engine's host; if the container has just ended, run this again",
    );
  }
  const found = containerIds(text);
  if (found.length === 1 && found[0] === id) return ok(what, `${container} is recognized by its cgroup`);
  return missing(
    what,
    `${container} is in cgroup ${text.trim().split('\n')[0]}, whose path has the ids of ${found.length} containers`,
    "run the castle in the host's cgroup namespace (docker run --cgroupns host); if it is, report this path as a bug",
  );
}
