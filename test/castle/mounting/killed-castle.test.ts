/** A castle that is killed while castle-mount mounts a volume. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { childrenOf } from '../../kit/namespace.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { until, untilTrue } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';

/** Returns the name of a process; undefined after its end. */
function stateOf(pid: number): string | undefined {
  try {
    const [, name, state] = /\((.*)\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return state === 'Z' ? undefined : name;
  } catch {
    return undefined;
  }
}

t.setTimeout(0);

if (requires(t, root, program('strace'))) {
  t.test(
    'castle-mount ends with its castle, so that no container gets a mount without a lease',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      const [first, second] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
      // The system call that attaches the mount is delayed for longer than the test takes; the delay is in microseconds.
      const delay = ['-e', 'trace=move_mount', '-e', 'inject=move_mount:delay_enter=1000000000'];
      const strace = spawn('strace', ['-f', '-q', '-o', '/dev/null', '-p', String(castle.pid), ...delay], {
        stdio: 'ignore',
      });
      const endStrace = async () => {
        strace.kill('SIGKILL');
        if (strace.exitCode === null && strace.signalCode === null) await once(strace, 'exit');
      };
      t.teardown(endStrace);
      await untilTrue('strace is attached', () =>
        /TracerPid:\t[1-9]/.test(readFileSync(`/proc/${castle.pid}/status`, 'utf8')),
      );
      await first.begin('POST', '/v1/leases', { volume: 'main', target: first.home });
      const isDelayed = (pid: number) =>
        stateOf(pid) === 'castle-mount' && readFileSync(`/proc/${pid}/syscall`, 'utf8').startsWith('429 ');
      const pid = await until('castle-mount attaches the mount', () =>
        childrenOf(castle.pid ?? 0).find(isDelayed),
      );
      await castle.end('SIGKILL');
      // castle-mount continues: with its SIGKILL, or else with the mount.
      await endStrace();
      await untilTrue('castle-mount has ended', () => stateOf(pid) === undefined);
      await castle.serve();
      t.equal((await second.lease('main')).status, 201, 'another container gets the volume');
      t.same(await first.mounts(first.home), [], 'the first container has no mount');
      t.equal((await second.mounts(second.home)).length, 1);
    },
  );
}
