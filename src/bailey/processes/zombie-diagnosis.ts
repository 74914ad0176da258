import type { Cause, Diagnosis, Parent, Zombie } from './zombie-report.ts';

/** Decides by what stands in the way first: who cannot run cannot reap, whatever its signal settings are. */
export function causeOf(parent: Parent, zombies: readonly Zombie[]): Cause {
  if (zombies.length > 0 && zombies.every(({ tracer }) => tracer !== undefined)) return 'traced';
  if (parent.state === '?') return 'parent-outside';
  if (parent.frozen) return 'parent-frozen';
  if (parent.state === 'T' || parent.state === 't') return 'parent-stopped';
  if (parent.state === 'D') return 'parent-uninterruptible';
  if (parent.isPid1) return parent.reaps ? 'init-busy' : 'pid1-does-not-reap';
  if (parent.waiting.waitsFor === 'one child') return 'waits-for-another';
  if (parent.sigchld?.blocked && parent.sigchld.pending) return 'sigchld-blocked';
  if (parent.sigchld?.disposition === 'ignored') return 'sigchld-ignored';
  if (parent.sigchld?.disposition === 'handled') return 'handler-misses';
  return 'never-waits';
}

/** Puts a cause into words for one parent. */
export function diagnose(cause: Cause, parent: Parent, zombies: readonly Zombie[]): Diagnosis {
  return explanations[cause](parent, zombies);
}

const explanations: Readonly<Record<Cause, (parent: Parent, zombies: readonly Zombie[]) => Diagnosis>> = {
  traced: (_, zombies) => {
    const tracer = zombies[0]?.tracer;
    return {
      problem: `process ${tracer} traces them and has not taken their end, so their parent is not told of it`,
      remedy: `end or detach the tracer (strace, gdb, …): kill ${tracer}`,
    };
  },
  'parent-outside': ({ pid }) => ({
    problem:
      pid === 0
        ? 'their parent is outside of this PID namespace (they were brought in by docker exec, kubectl exec or nsenter)'
        : `their parent ${pid} is not visible`,
    remedy: pid === 0 ? 'run bailey zombies on the host' : 'run bailey zombies as root',
  }),
  'parent-frozen': (parent) => ({
    problem: `the cgroup of ${parentName(parent)} is frozen, so it cannot reap`,
    remedy: parent.container ? `docker unpause ${shortId(parent)}, or thaw its cgroup` : 'thaw its cgroup',
  }),
  'parent-stopped': (parent) => ({
    problem: `${parentName(parent)} is stopped${parent.state === 't' ? ' by a tracer' : ''}, so it cannot reap`,
    remedy: parent.state === 't' ? 'end or continue the debugger that holds it' : `kill -CONT ${parent.pid}`,
  }),
  'parent-uninterruptible': (parent) => ({
    problem: `${parentName(parent)} is stuck in the kernel${sleepText(parent)} and cannot reap until that ends`,
    remedy:
      'look at the device or file server it waits for (a hung NFS mount, a dying disk); no signal reaches it',
  }),
  'pid1-does-not-reap': (parent) => ({
    problem: `PID 1 ${namespaceName(parent)} is ${parent.name}, which does not reap orphans`,
    remedy: initRemedy(parent),
  }),
  'init-busy': (parent) => ({
    problem: `PID 1 ${namespaceName(parent)} is ${parent.name}, an init that reaps, and yet they are still there`,
    remedy: `look again in a moment; if they stay, it hangs${sleepText(parent)}: restart the container`,
  }),
  'waits-for-another': (parent) => ({
    problem: `${parentName(parent)} waits for ${parent.waiting.child === undefined ? 'one child only' : `its child ${parent.waiting.child} only`} and leaves the others unreaped`,
    remedy: `${bugIn(parent)}: it has to wait for all its children; ${killRemedy(parent)}`,
  }),
  'sigchld-blocked': (parent) => ({
    problem: `${parentName(parent)} blocks SIGCHLD and does not fetch it, although it is pending`,
    remedy: `${bugIn(parent)}; ${killRemedy(parent)}`,
  }),
  'sigchld-ignored': (parent) => ({
    problem: `${parentName(parent)} began to ignore SIGCHLD only after they had died, so the kernel keeps them`,
    remedy: `${bugIn(parent)}: it has to wait once after ignoring SIGCHLD; ${killRemedy(parent)}`,
  }),
  'handler-misses': (parent) => ({
    problem: `${parentName(parent)} is alive and handles SIGCHLD, but does not wait for these children`,
    remedy: `${bugIn(parent)}; SIGCHLD to it can help if its handler missed one: kill -CHLD ${parent.pid}; ${killRemedy(parent)}`,
  }),
  'never-waits': (parent) => ({
    problem: `${parentName(parent)} is alive and does not wait for its children${sleepText(parent)}`,
    remedy: `${bugIn(parent)}; ${killRemedy(parent)}`,
  }),
};

const parentName = ({ name, pid }: Parent): string => `their parent ${name} (${pid})`;

const bugIn = ({ name }: Parent): string => `a bug in ${name}`;

const sleepText = ({ waiting }: Parent): string =>
  waiting.sleepsIn === undefined ? '' : ` (it sleeps in ${waiting.sleepsIn})`;

/** The last resort for a parent that isn't PID 1: its end gives the zombies to somebody else. */
function killRemedy({ pid, adopter }: Parent): string {
  const ending = `ending it (kill ${pid}) hands them to`;
  if (adopter === undefined) return `${ending} PID 1 of its namespace`;
  if (adopter.reaps) return `${ending} PID 1 (${adopter.name}, ${adopter.pid}), which reaps`;
  return `${ending} PID 1 (${adopter.name}, ${adopter.pid}), which is not known to reap`;
}

function namespaceName({ container, inInitialNamespace }: Parent): string {
  if (container?.kubernetes) return 'of the container';
  if (container !== undefined) return 'of the container';
  return inInitialNamespace ? 'of this machine' : 'of the PID namespace';
}

const shortId = ({ container }: Parent): string => container?.id.slice(0, 12) ?? '';

/** How to get an init below this program, in the words of whatever runs it. */
function initRemedy({ name, commandLine, container }: Parent): string {
  const command = (commandLine.length > 0 ? commandLine : [name])
    .slice(0, 3)
    .map((word) => JSON.stringify(word));
  if (commandLine.length > 3) command.push('…');
  const entrypoint = `start it under bailey-init: ENTRYPOINT ["bailey-init", "--", ${command.join(', ')}]`;
  if (container?.kubernetes)
    return `${entrypoint}, or shareProcessNamespace: true in the pod (Kubernetes has no --init)`;
  return `${entrypoint}, or ${container?.engine === 'podman' ? 'podman' : 'docker'} run --init`;
}
