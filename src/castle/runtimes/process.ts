import { environmentOf, identify, namespaceOf, processes, readStatus } from '../../linux/proc.ts';
import { errorMessage } from '../../terminal/failure.ts';
import { isOutOfResources } from '../refusals/out-of-resources.ts';
import { RefusalError } from '../refusals/refusal.ts';
import { readLabels } from './labels.ts';
import { inHostsMounts, inOtherMounts } from './refusals.ts';
import type { Container, Peer, Runtime } from './runtime.ts';

/**
 * The runtime `process`: every process in other PID and mount namespaces than the castle's is in a container, which may use any
 * volume. The variable CASTLE_LABELS takes the place of labels, as in `castle.readonly=true castle.size=20G`. For development
 * and the demo only, since the container could change this variable.
 */
export function processRuntime(): Runtime {
  return {
    name: 'process',
    async find(name) {
      const [, pid] = /^(?:pidns-\d+-|process-)(\d{1,10})$/.exec(name) ?? [];
      const running = pid === undefined ? undefined : containerWithFirst(Number(pid));
      if (running === undefined || (running.id !== name && running.name !== name)) return undefined;
      return { id: running.id, name: running.name, volumes: running.volumes, running };
    },
    async containerOf(peer) {
      try {
        return containerOf(peer);
      } catch (thrown) {
        if (thrown instanceof RefusalError || isOutOfResources(thrown)) throw thrown;
        throw new RefusalError(
          'not_permitted',
          `process ${peer.pid} cannot be placed in a container: ${errorMessage(thrown)}`,
          'check that the process is still running',
        );
      }
    },
  };
}

function containerOf(peer: Peer): Container | undefined {
  const namespace = namespaceOf(peer.pid, 'pid');
  if (namespace === namespaceOf('self', 'pid')) return undefined;
  const first = firstOf(peer.pid, namespace);
  checkMountNamespace(peer, first);
  return container(first, namespace);
}

/** Returns the container whose first process has this pid; undefined when it is not the first process of a PID namespace. */
function containerWithFirst(pid: number): Container | undefined {
  try {
    const namespace = namespaceOf(pid, 'pid');
    const isOne =
      namespace !== namespaceOf('self', 'pid') &&
      namespaceOf(pid, 'mnt') !== namespaceOf('self', 'mnt') &&
      isFirst(pid, namespace);
    return isOne ? container(pid, namespace) : undefined;
  } catch (thrown) {
    if (isOutOfResources(thrown)) throw thrown;
    return undefined; // the process has ended
  }
}

function container(first: number, namespace: string): Container {
  const number = /\d+/.exec(namespace)?.[0] ?? '';
  const name = `process-${first}`;
  return {
    id: `pidns-${number}-${first}`,
    name,
    first: identify(first),
    ...readLabels(name, labelsOf(first)),
    volumes: 'any',
  };
}

/** Returns the labels in the environment of a container's first process. */
function labelsOf(first: number): Readonly<Record<string, string>> {
  const words = (environmentOf(first).get('CASTLE_LABELS') ?? '').split(' ').filter((word) => word !== '');
  return Object.fromEntries(
    words.map((word): [string, string] => {
      const [label = '', ...value] = word.split('=');
      return [label, value.join('=')];
    }),
  );
}

/**
 * Refuses a process that has a separate PID namespace but shares the host's mount namespace: the volume would be mounted on the
 * host, over any folder that the process names.
 */
function checkMountNamespace(peer: Peer, first: number): void {
  const namespace = namespaceOf(first, 'mnt');
  if (namespace === namespaceOf('self', 'mnt')) throw inHostsMounts(`process-${first}`);
  if (namespace !== namespaceOf(peer.pid, 'mnt')) throw inOtherMounts(peer.pid, `process-${first}`);
}

/**
 * Returns the pid, in the castle's PID namespace, of PID 1 of another namespace. PID 1 is an ancestor of the process, unless
 * the process entered the namespace with setns(2).
 */
function firstOf(pid: number, namespace: string): number {
  for (let at = pid; at > 1; at = Number(readStatus(at).get('PPid'))) {
    if (isFirst(at, namespace)) return at;
  }
  const first = processes().find((at) => isFirst(at, namespace));
  if (first !== undefined) return first;
  throw new Error(`no PID 1 is visible in ${namespace}`);
}

function isFirst(pid: number, namespace: string): boolean {
  try {
    return namespaceOf(pid, 'pid') === namespace && /(^|\s)1$/.test(readStatus(pid).get('NSpid') ?? '');
  } catch {
    return false;
  }
}
