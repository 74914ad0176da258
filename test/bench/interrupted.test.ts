/** A benchmark that a signal ends leaves no process and no file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { constants } from 'node:os';
import t from 'tap';
import { pidNamespace, program, requires, root } from '../kit/needs.ts';
import { until } from '../kit/until.ts';

/** The processes whose environment contains a text. */
const processesWith = (mark: string): readonly number[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => read(`/proc/${pid}/environ`).includes(mark))
    .map(Number);

function killUnlessEnded(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // with its parent
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the process has ended
  }
}

if (requires(t, pidNamespace, program('setpriv'), root)) {
  for (const { section, says, signal, some } of [
    { section: 'inits', says: 'idle for', signal: 'SIGTERM', some: 6 },
    { section: 'jenkins', says: 'plug-ins and', signal: 'SIGTERM', some: 4 },
    { section: 'castle', says: 'containers at once', signal: 'SIGINT', some: 6 },
  ] as const) {
    t.test(`${signal} while ${section} measures leaves no process and no file`, async (t) => {
      const folder = mkdtempSync('/tmp/bb-');
      const bench = spawn(process.execPath, ['build/bench/main.js', section, '--quick'], {
        env: { PATH: process.env['PATH'], TMPDIR: folder },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      t.teardown(() => {
        for (const pid of processesWith(folder)) killUnlessEnded(pid);
      });
      let output = '';
      bench.stderr.on('data', (chunk: Buffer) => {
        output += chunk;
      });
      await until('the benchmark measures', () => output.includes(says) || undefined);
      await until(
        'the benchmark has started processes',
        () => processesWith(folder).length >= some || undefined,
      );
      const ended = once(bench, 'exit');
      bench.kill(signal);
      t.strictSame(await ended, [128 + constants.signals[signal], null]);
      await until(
        'the processes have ended',
        () => processesWith(folder).length === 0 || undefined,
        10_000,
      ).catch(() => undefined);
      t.strictSame(processesWith(folder), [], 'no process is left');
      t.strictSame(readdirSync(folder), [], 'no file is left');
      rmdirSync(folder);
    });
  }
}
