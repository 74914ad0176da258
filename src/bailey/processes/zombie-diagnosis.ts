import type { Cause, Diagnosis, Parent, Zombie } from './zombie-report.ts';

/**
 * Returns why the zombies of one parent stay. The first obstacle in the list of causes counts: a parent that cannot run
 * cannot reap, whatever its signal settings are.
 */
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

/** Explains a cause for one parent: the problem, and what to do about it. */
export function diagnose(cause: Cause, parent: Parent, zombies: readonly Zombie[]): Diagnosis {
  return explanations[cause](parent, zombies);
}

const explanations: Readonly<Record<Cause, (parent: Parent, zombies: readonly Zombie[]) => Diagnosis>> = {
  traced: (_, zombies) => {
    const tracer = zombies[0]?.tracer;
    return {
      problem: `process ${tracer} traces them and has not collected their exit status, so the kernel does not notify their parent`,
      remedy: `detach or end the tracer (strace, gdb or similar): kill ${tracer}`,
    };
  },
  'parent-outside': ({ pid }) => ({
    problem:
      pid === 0
        ? 'their parent is outside this PID namespace: docker exec, kubectl exec or nsenter started them'
        : `their parent ${pid} is not visible to this user`,
    remedy: pid === 0 ? 'run bailey zombies on the host to see the parent' : 'run bailey zombies as root',
  }),
  'parent-frozen': (parent) => ({
    problem: `the cgroup of ${parentName(parent)} is frozen, so the parent does not run and cannot reap`,
    remedy: parent.container
      ? `unpause the container: docker unpause ${shortId(parent)}, or thaw its cgroup`
      : 'thaw the cgroup of the parent',
  }),
  'parent-stopped': (parent) => ({
    problem: `${parentName(parent)} is stopped${parent.state === 't' ? ' by a tracer' : ''}, so it does not run and cannot reap`,
    remedy:
      parent.state === 't'
        ? 'continue the process in the debugger, or end the debugger'
        : `kill -CONT ${parent.pid}`,
  }),
  'parent-uninterruptible': (parent) => ({
    problem: `${parentName(parent)} is blocked in the kernel${sleepText(parent)} and cannot reap until that call returns`,
    remedy:
      'find the device or file server that does not answer (for example a hung NFS mount or a failing disk); a process in this state ignores all signals, even SIGKILL',
  }),
  'pid1-does-not-reap': (parent) => ({
    problem: `PID 1 ${namespaceName(parent)} is ${parent.name}, which does not reap orphaned processes`,
    remedy: initRemedy(parent),
  }),
  'init-busy': (parent) => ({
    problem: `PID 1 ${namespaceName(parent)} is ${parent.name}, an init that normally reaps, but has not reaped these`,
    remedy: `run bailey zombies again in a few seconds; if they are still there, ${parent.name} hangs${sleepText(parent)}: restart the container`,
  }),
  'waits-for-another': (parent) => ({
    problem: `${parentName(parent)} waits for ${parent.waiting.child === undefined ? 'one particular child' : `its child ${parent.waiting.child} only`} and does not reap the others`,
    remedy: `${bugIn(parent)}: it must wait for all its children; ${killRemedy(parent)}`,
  }),
  'sigchld-blocked': (parent) => ({
    problem: `${parentName(parent)} blocks SIGCHLD; the signal is pending, but the parent does not accept it`,
    remedy: `${bugIn(parent)}: it must unblock SIGCHLD or read it with sigwait or signalfd; ${killRemedy(parent)}`,
  }),
  'sigchld-ignored': (parent) => ({
    problem: `${parentName(parent)} began to ignore SIGCHLD after they had exited; the kernel discards only children that exit later`,
    remedy: `${bugIn(parent)}: after it starts to ignore SIGCHLD it must call waitpid once; ${killRemedy(parent)}`,
  }),
  'handler-misses': (parent) => ({
    problem: `${parentName(parent)} handles SIGCHLD, but does not wait for these children`,
    remedy: `${bugIn(parent)}; if its handler only missed a signal, send another one: kill -CHLD ${parent.pid}; ${killRemedy(parent)}`,
  }),
  'never-waits': (parent) => ({
    problem: `${parentName(parent)} does not wait for its children${sleepText(parent)}`,
    remedy: `${bugIn(parent)}; ${killRemedy(parent)}`,
  }),
};

const parentName = ({ name, pid }: Parent): string => `their parent ${name} (pid ${pid})`;

const bugIn = ({ name }: Parent): string => `this is a bug in ${name}`;

const sleepText = ({ waiting }: Parent): string =>
  waiting.sleepsIn === undefined ? '' : ` (sleeping in ${waiting.sleepsIn})`;

/** The last resort for a parent that is not PID 1: when it ends, another process adopts its zombies. */
function killRemedy({ pid, adopter }: Parent): string {
  const ending = `if you end it (kill ${pid}), the zombies go to`;
  if (adopter === undefined) return `${ending} PID 1 of its namespace`;
  const init = `${ending} PID 1 (${adopter.name}, pid ${adopter.pid})`;
  return adopter.reaps ? `${init}, which reaps them` : `${init}, which is not known to reap them`;
}

function namespaceName({ container, inInitialNamespace }: Parent): string {
  if (container !== undefined) return 'of the container';
  return inInitialNamespace ? 'of this machine' : 'of the PID namespace';
}

const shortId = ({ container }: Parent): string => container?.id.slice(0, 12) ?? '';

/** How to start this program under an init, in the terms of its container engine. */
function initRemedy({ name, commandLine, container }: Parent): string {
  const command = (commandLine.length > 0 ? commandLine : [name])
    .slice(0, 3)
    .map((word) => JSON.stringify(word));
  if (commandLine.length > 3) command.push('…');
  const entrypoint = `start it under bailey-init: ENTRYPOINT ["bailey-init", "--", ${command.join(', ')}]`;
  if (container?.kubernetes)
    return `${entrypoint}, or set shareProcessNamespace: true in the pod (Kubernetes has no --init)`;
  return `${entrypoint}, or ${container?.engine === 'podman' ? 'podman' : 'docker'} run --init`;
}
