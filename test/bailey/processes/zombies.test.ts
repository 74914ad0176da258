import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { hidepidOption } from '../../../src/bailey/processes/process-table.ts';
import type { ZombieGroup, ZombieReport } from '../../../src/bailey/processes/zombie-report.ts';
import { compileProgram } from '../../kit/compile.ts';
import { pidNamespace, program, requires, root } from '../../kit/needs.ts';
import { until, untilTrue } from '../../kit/until.ts';

/** An absolute path, because nsenter --mount changes the working directory to the root of the namespace. */
const bailey = resolve('dist/bailey.js');
const namespace = [
  ...(process.getuid?.() === 0 ? [] : ['-Ur']),
  '--pid',
  '--fork',
  '--mount-proc',
  '--kill-child',
];

/** Runs `bailey zombies`, optionally behind another program (unshare, nsenter). */
function zombies(args: readonly string[], behind: readonly string[] = []) {
  const [file = '', ...rest] = [...behind, process.execPath, bailey, 'zombies', ...args];
  return spawnSync(file, rest, { encoding: 'utf8' });
}

const report = (behind: readonly string[] = []) =>
  JSON.parse(zombies(['--json'], behind).stdout) as ZombieReport;

/** Repeats the report until it matches the condition: the process needs time to exit. */
const reported = (condition: (report: ZombieReport) => boolean, behind?: readonly string[]) =>
  until('the report matches', () => {
    const seen = report(behind);
    return condition(seen) ? seen : undefined;
  });

const groupOf = (seen: ZombieReport, pid: number | undefined): ZombieGroup | undefined =>
  seen.parents.find((group) => group.parent.pid === pid);

function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('started without a pipe');
  const lines = createInterface({ input: child.stdout });
  return new Promise((resolve, reject) => {
    lines.once('line', resolve);
    child.once('close', () => reject(new Error('ended without a line')));
  });
}

/** Starts a program, ends it with the test, and resolves when it has printed its first line. */
async function started(t: Test, file: string, args: readonly string[]) {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(async () => {
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await closed;
  });
  return { pid: child.pid, line: await firstLine(child) };
}

const childrenOf = (pid: number | undefined): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

/** The process inside of `unshare`: its only child. */
function childOf(pid: number | undefined): number {
  const [child] = childrenOf(pid);
  if (child === undefined) throw new Error(`process ${pid} has no child`);
  return child;
}

if (requires(t, pidNamespace, program('cc'))) {
  const folder = t.testdir();
  const faulty = compileProgram(join(folder, 'parent'), 'test/bailey/processes/parent.c');

  const faults: readonly (readonly [string, ZombieGroup['cause'], RegExp])[] = [
    ['never', 'never-waits', /does not wait for its children/],
    ['blocked', 'sigchld-blocked', /blocks SIGCHLD; the signal is pending/],
    ['ignored', 'sigchld-ignored', /began to ignore SIGCHLD after they had exited/],
    ['handled', 'handler-misses', /handles SIGCHLD, but does not wait/],
    ['another', 'waits-for-another', /waits for its child \d+ only/],
    ['stopped', 'parent-stopped', /is stopped/],
  ];
  for (const [mode, cause, problem] of faults) {
    t.test(`the report names the cause when a parent does not reap: ${mode}`, async (t) => {
      const parent = await started(t, faulty, [mode]);
      const seen = await reported((seen) => groupOf(seen, parent.pid)?.cause === cause);
      const group = groupOf(seen, parent.pid);
      t.match(group, { cause, problem, zombies: [{ pid: Number(parent.line), name: 'parent' }] });
      t.same(group?.parent.commandLine, [faulty, mode]);
      t.equal(zombies([]).status, 1, 'some found');
      t.match(zombies([]).stdout, problem);
    });
  }

  t.test('the fix names kill -CHLD, kill, and the process that adopts the zombies', async (t) => {
    const parent = await started(t, faulty, ['handled']);
    const seen = await reported((seen) => groupOf(seen, parent.pid) !== undefined);
    t.match(groupOf(seen, parent.pid)?.remedy, `kill -CHLD ${parent.pid}`);
    t.match(groupOf(seen, parent.pid)?.remedy, `if you end it (kill ${parent.pid}), the zombies go to PID 1`);
  });

  t.test('a process whose main thread has exited is not a zombie, and is listed with --all', async (t) => {
    const { pid } = await started(t, faulty, ['leader']);
    const seen = await reported(({ endedLeaders }) => endedLeaders.some((leader) => leader.pid === pid));
    t.match(
      seen.endedLeaders.find((leader) => leader.pid === pid),
      { name: 'parent', threads: 1 },
    );
    t.notOk(
      seen.parents.some((group) => group.zombies.some((zombie) => zombie.pid === pid)),
      'it is not counted as a zombie',
    );
    t.match(zombies(['--all']).stdout, `${pid} parent, 1 thread left`);
  });

  t.test('a PID 1 that does not reap is reported outside and inside its namespace', async (t) => {
    // One child and one orphan. Both must end after PID 1 has executed sleep: the shell would reap them.
    const script = `sh -c 'echo ") Z (0 1" >/proc/$$/comm; kill -STOP $$' & (sleep 1000 &); echo ready; exec sleep 1000`;
    const { pid } = await started(t, 'unshare', [...namespace, 'sh', '-c', script]);
    const first = childOf(pid);
    const statOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8');
    const sleeps = (pid: number) => /^\d+ \(sleep\)/.test(statOf(pid));
    const ready = () =>
      sleeps(first) &&
      childrenOf(first).some(sleeps) &&
      childrenOf(first).some((child) => / T /.test(statOf(child)));
    await untilTrue('the processes sleep or are stopped', ready);
    for (const child of childrenOf(first)) process.kill(child, 'SIGKILL');
    const seen = await reported((seen) => groupOf(seen, first)?.zombies.length === 2);
    const group = groupOf(seen, first);
    t.match(group, {
      cause: 'pid1-does-not-reap',
      problem: 'PID 1 of the PID namespace is sleep, which does not reap orphaned processes',
      remedy: /ENTRYPOINT \["bailey-init", "--", "sleep", "1000"\], or docker run --init/,
      parent: { isPid1: true, reaps: false, state: 'S', sigchld: { disposition: 'default', blocked: false } },
    });
    t.equal(group?.parent.namespacePids.at(-1), 1);
    t.same(
      group?.zombies.map(({ name }) => name).sort(),
      [') Z (0 1\n', 'sleep'],
      'names with parentheses are complete',
    );
    t.match(zombies([]).stdout, ') Z (0 1\\x0a', 'control characters do not reach the terminal');

    t.test('the report inside the namespace has its own pids', async (t) => {
      if (!requires(t, root)) return;
      const inside = ['nsenter', '-t', String(first), '--pid', '--mount'];
      const seen = await reported((seen) => seen.zombies === 2, inside);
      t.match(groupOf(seen, 1), {
        cause: 'pid1-does-not-reap',
        parent: { pid: 1, name: 'sleep', isPid1: true },
      });
      t.equal(seen.processes, 4, 'PID 1, its two zombies and the command itself');
    });
  });

  t.test('an init that hangs and an init that is stopped are reported as such', async (t) => {
    const tini = join(folder, 'tini');
    cpSync(faulty, tini);
    const { pid } = await started(t, 'unshare', [...namespace, tini, 'never']);
    const first = childOf(pid);
    const hanging = await reported((seen) => groupOf(seen, first) !== undefined);
    t.match(groupOf(hanging, first), { cause: 'init-busy', parent: { reaps: true } });
    process.kill(first, 'SIGSTOP');
    const stopped = await reported((seen) => groupOf(seen, first)?.parent.state === 'T');
    t.match(groupOf(stopped, first), { cause: 'parent-stopped', remedy: `kill -CONT ${first}` });
  });

  t.test('without zombies, the exit code is 0', (t) => {
    const inside = ['unshare', ...namespace, 'sh', '-c', '"$@"; exit $?', 'sh'];
    const { status, stdout } = zombies([], inside);
    t.equal(status, 0);
    t.match(stdout, /^no zombies among \d+ processes\n$/);
    t.match(JSON.parse(zombies(['--json'], inside).stdout), { zombies: 0, parents: [] });
    t.end();
  });

  t.test('a parent outside the namespace is reported as such', async (t) => {
    if (!requires(t, root)) return;
    const { pid } = await started(t, 'unshare', [...namespace, 'sh', '-c', 'echo ready; exec sleep 1000']);
    const first = String(childOf(pid));
    await started(t, faulty, ['never', first]);
    const seen = await reported((seen) => seen.zombies === 1, ['nsenter', '-t', first, '--pid', '--mount']);
    t.match(groupOf(seen, 0), { cause: 'parent-outside', remedy: /^run bailey zombies on the host/ });
  });

  t.test('--watch reports for how long a zombie has been defunct', async (t) => {
    const parent = await started(t, faulty, ['never']);
    const watcher = spawn(process.execPath, [bailey, 'zombies', '--watch', '0.1', '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => watcher.kill('SIGKILL'));
    const ages: number[] = [];
    for await (const line of createInterface({ input: watcher.stdout })) {
      const zombie = groupOf(JSON.parse(line) as ZombieReport, parent.pid)?.zombies[0];
      if (zombie !== undefined) ages.push(zombie.defunctSeconds);
      if (ages.length >= 2 && (ages.at(-1) ?? 0) > (ages[0] ?? 0)) break;
    }
    watcher.kill('SIGTERM');
    const signal = await new Promise((resolve) => watcher.once('exit', (_, by) => resolve(by)));
    t.equal(signal, 'SIGTERM', 'a signal ends --watch');
  });

  t.test('hidepid does not apply to root and, for most values, to the group of the mount', (t) => {
    const option = (options: string, uid: number, ...groups: readonly number[]) =>
      hidepidOption(uid, `proc /proc proc rw,${options} 0 0\n`, groups);
    t.equal(option('hidepid=invisible', 1000, 1000), 'hidepid=invisible');
    t.equal(option('hidepid=invisible', 0, 0), undefined, 'root');
    t.equal(option('hidepid=invisible,gid=4', 1000, 1000, 4), undefined, 'in the group');
    t.equal(option('hidepid=invisible,gid=4', 1000, 1000), 'hidepid=invisible', 'not in the group');
    t.equal(option('hidepid=invisible', 1000, 0), undefined, 'group 0 is the default');
    t.equal(option('hidepid=ptraceable,gid=4', 1000, 4), 'hidepid=ptraceable', 'applies to the group too');
    t.equal(option('hidepid=off', 1000, 1000), undefined);
    t.end();
  });

  t.test('a /proc mounted with hidepid is reported', (t) => {
    if (!requires(t, root, program('setpriv'))) return t.end();
    const open = mkdtempSync(join(tmpdir(), 'bailey-hidepid-'));
    chmodSync(open, 0o755);
    cpSync(bailey, join(open, 'bailey.js'));
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath];
    // tap's hooks, which NODE_OPTIONS loads, write files where user nobody cannot.
    const zombiesWith = (option: string) => {
      const script = `unset NODE_OPTIONS; mount -t proc -o ${option} proc /proc && "$@"; exit $?`;
      return spawnSync(
        'unshare',
        [...namespace, 'sh', '-c', script, 'sh', ...nobody, join(open, 'bailey.js'), 'zombies'],
        { encoding: 'utf8' },
      );
    };
    const run = zombiesWith('hidepid=2');
    const inGroup = zombiesWith('hidepid=2,gid=65534');
    execFileSync('rm', ['-r', open]);
    t.equal(inGroup.status, 0);
    t.notMatch(inGroup.stdout, /hidepid/, 'its group sees all processes');
    t.match(
      run.stdout,
      /hidepid=(2|invisible): processes of other users are not visible; run bailey zombies as root/,
    );
    t.equal(run.status, 0);
    t.end();
  });

  t.test('a closed pipe ends the command silently; a full disk ends it with exit code 74', (t) => {
    const shell = (script: string) =>
      spawnSync('bash', ['-c', script, process.execPath, bailey], { encoding: 'utf8' });
    const head = shell('set -o pipefail; "$0" "$1" zombies --watch 0.1 | head -n 1; echo "$?"');
    t.match(head.stdout, /^.+\n141\n$/);
    t.equal(head.stderr, '');
    const full = shell('"$0" "$1" zombies >/dev/full; echo "$?"');
    t.equal(full.stdout, '74\n');
    t.equal(full.stderr, 'bailey: standard output cannot be written: ENOSPC\n');
    t.end();
  });

  t.test('control characters in process arguments are escaped', async (t) => {
    const script = 'exec -a "$1" "$0" never';
    const parent = await started(t, 'bash', ['-c', script, faulty, 'a\x1b[2J\u009b31m\u202eb']);
    await reported((seen) => groupOf(seen, parent.pid) !== undefined);
    t.match(zombies([]).stdout, 'a\\x1b[2J\\x9b31m\\u202eb never');
    const { stdout } = zombies(['--json']);
    t.match(stdout, 'a\\u001b[2J\\u009b31m\\u202eb');
    const { commandLine } = groupOf(JSON.parse(stdout) as ZombieReport, parent.pid)?.parent ?? {};
    t.equal(commandLine?.[0], 'a\x1b[2J\u009b31m\u202eb', 'the JSON value is unchanged');
  });

  t.test('without a mounted /proc, the exit code is 69', (t) => {
    if (!requires(t, root)) return t.end();
    const behind = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c'];
    const { status, stdout, stderr } = zombies(
      [],
      [...behind, 'mount -t tmpfs none /proc && exec "$@"', 'sh'],
    );
    t.equal(status, 69);
    t.equal(stdout, '');
    t.match(stderr, /^bailey: \/proc does not show the processes .*; mount it: mount -t proc proc \/proc\n$/);
    t.end();
  });

  t.test('a wrong command line ends with exit code 64', (t) => {
    for (const args of [['--watch', 'x'], ['--watch', '0'], ['--what'], ['argument']]) {
      const { status, stderr } = zombies(args);
      t.equal(status, 64, args.join(' '));
      t.match(stderr, /^bailey: .+/);
    }
    t.end();
  });
}
