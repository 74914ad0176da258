// The epitaph, the line about an abnormal end: when it is written, its text, and where it is written.
import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { compile } from '../kit/compile.ts';
import { Running } from '../kit/namespace.ts';
import { type Need, pidNamespace, requires, root } from '../kit/needs.ts';
import { until } from '../kit/until.ts';
import { bailey } from './bailey-init.ts';
import { run as runCommand } from './other-inits.ts';
import { eachWay } from './reaping-ways.ts';

/** The pid of the program depends on the processes that the command started before bailey-init. */
const anyProcess = (text: string) => text.replace(/\(process \d+\)/, '(process N)');

function run(command: readonly string[]) {
  const ended = runCommand(command);
  return { ...ended, stderr: anyProcess(ended.stderr) };
}

const mebibyte = 1024 * 1024;

/** The usual mount point of the memory controller of cgroup v1. */
const memoryController = '/sys/fs/cgroup/memory';
const cgroup1 = (): Need => {
  try {
    readFileSync(`${memoryController}/memory.oom_control`);
    return undefined;
  } catch {
    return `needs the memory controller of cgroup v1 at ${memoryController}`;
  }
};

/** Runs a script in a new mount namespace, and then bailey-init with the other arguments. */
const inMounts = (script: string, ...args: string[]) => [
  ...['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', `${script}; exec "$0" "$@"`, bailey],
  ...args,
];

/** Mounts a new /dev, so that the /dev of the machine does not change. */
const ownDev = 'mount -t tmpfs none /dev; : >/dev/null';

if (requires(t, root, pidNamespace)) {
  eachWay(t, 'an end by a signal has an epitaph, except by HUP, INT, PIPE and TERM', async (sub, way) => {
    const dies = (signal: number) => ['sh', '-c', `ulimit -c 0; kill -${signal} $$`];
    for (const [signal, name] of [
      [3, 'SIGQUIT'],
      [4, 'SIGILL'],
      [6, 'SIGABRT'],
      [9, 'SIGKILL'],
      [10, 'SIGUSR1'],
      [11, 'SIGSEGV'],
      [31, 'SIGSYS'],
      [34, 'signal 34'],
      [64, 'signal 64'],
    ] as const) {
      const { code, stderr } = run([bailey, '--reap', way, ...dies(signal)]);
      sub.equal(code, 128 + signal);
      sub.equal(stderr, `bailey-init: 'sh' (process N) was ended by ${name}\n`);
      sub.equal(run([bailey, '--reap', way, '--no-epitaph', ...dies(signal)]).stderr, '', '--no-epitaph');
    }
    for (const signal of [1, 2, 13, 15])
      sub.same(run([bailey, '--reap', way, ...dies(signal)]), { code: 128 + signal, stdout: '', stderr: '' });
    for (const code of [0, 1, 3, 137, 139, 255])
      sub.same(run([bailey, '--reap', way, 'sh', '-c', `exit ${code}`]), { code, stdout: '', stderr: '' });
  });

  eachWay(t, 'an end by a forwarded signal has no epitaph', async (sub, way) => {
    for (const signal of [3, 6, 10, 34]) {
      const running = new Running([
        bailey,
        '--reap',
        way,
        'sh',
        '-c',
        'ulimit -c 0; echo up; exec sleep 1000',
      ]);
      sub.teardown(() => running.kill());
      await running.line();
      process.kill(await running.pid(), signal);
      sub.same(await running.ended(), { code: 128 + signal, stdout: 'up\n', stderr: '' });
    }
  });

  t.test('the name of the program is shown without control characters and truncated', async (sub) => {
    const folder = sub.testdir({});
    const script = (name: string) => `printf '#!/bin/sh\\nkill -9 $$\\n' >"${name}"; chmod +x "${name}"`;
    const name = `${folder}/${'x'.repeat(200)}`;
    const { stderr } = run(['sh', '-c', `${script(name)}; exec "$0" "${name}"`, bailey]);
    sub.equal(stderr, `bailey-init: '${name.slice(0, 160)}' (process N) was ended by SIGKILL\n`);
    const odd = `${folder}/a\nb\x1bc`;
    const shown = run(['sh', '-c', `${script(odd)}; exec "$0" "${odd}"`, bailey]).stderr;
    sub.equal(shown, `bailey-init: '${folder}/a?b?c' (process N) was ended by SIGKILL\n`);
  });

  t.test(
    'the epitaph is also written to an existing /dev/termination-log that is a regular file',
    async (sub) => {
      const line = "bailey-init: 'sh' (process N) was ended by SIGKILL\n";
      const keep = `${sub.testdir({})}/kept`;
      const cases: [what: string, before: string, program: string, options: string[], log: string][] = [
        ['empty', ': >/dev/termination-log', 'kill -9 $$', [], line],
        [
          'the program wrote its own',
          ': >/dev/termination-log',
          'echo mine >/dev/termination-log; kill -9 $$',
          [],
          'mine\n',
        ],
        ['a normal end', ': >/dev/termination-log', 'exit 3', [], ''],
        ['--no-epitaph', ': >/dev/termination-log', 'kill -9 $$', ['--no-epitaph'], ''],
        ['a symbolic link', ': >/dev/x; ln -s x /dev/termination-log', 'kill -9 $$', [], ''],
      ];
      for (const [what, before, program, options, log] of cases) {
        // A file from outside is mounted as the log, as orchestrators do; a link is not mounted.
        writeFileSync(keep, '');
        const bind = what === 'a symbolic link' ? '' : `; mount --bind ${keep} /dev/termination-log`;
        const { stderr } = run(inMounts(`${ownDev}; ${before}${bind}`, ...options, 'sh', '-c', program));
        sub.equal(anyProcess(readFileSync(keep, 'utf8')), log, what);
        sub.equal(stderr, program === 'exit 3' || options.length > 0 ? '' : line, `${what}: standard error`);
      }
      const without = run(inMounts(ownDev, 'sh', '-c', 'kill -9 $$; ls /dev'));
      sub.equal(without.stderr, line, 'a missing /dev/termination-log is not created');
    },
  );

  t.test(
    'cgroup v2: the epitaph reports an out-of-memory kill that the files of the cgroup count',
    async (sub) => {
      const killed = "bailey-init: 'sh' (process N) was ended by SIGKILL";
      const events = (kills: number) => `low 0\nhigh 0\nmax 12\noom 3\noom_kill ${kills}\noom_group_kill 0\n`;
      const cases: [files: Record<string, string>, says: string][] = [
        [
          {
            'memory.events': events(1),
            'memory.max': `${512 * mebibyte}\n`,
            'memory.peak': `${511.6 * mebibyte}\n`,
          },
          ', by the out-of-memory killer: limit 512 MiB, peak 512 MiB',
        ],
        [
          { 'memory.events': events(2), 'memory.max': 'max\n', 'memory.peak': `${3 * mebibyte}\n` },
          ', by the out-of-memory killer: peak 3 MiB',
        ],
        [
          { 'memory.events': events(1), 'memory.max': `${mebibyte}\n` },
          ', by the out-of-memory killer: limit 1 MiB',
        ],
        [{ 'memory.events': events(1) }, ', by the out-of-memory killer'],
        [{ 'memory.events': events(0), 'memory.max': `${mebibyte}\n` }, ''],
        [{ 'memory.events': '' }, ''],
        [{}, ''],
      ];
      for (const [index, [files, says]] of cases.entries()) {
        const folder = `${sub.testdirName}-${index}`;
        mkdirSync(folder, { recursive: true });
        for (const [name, text] of Object.entries(files)) writeFileSync(`${folder}/${name}`, text);
        const mounts = `mount --bind ${folder} /sys/fs/cgroup`;
        // The new /dev hides the machine's own /dev/termination-log, if there is one.
        sub.equal(
          run(inMounts(`${ownDev}; ${mounts}`, 'sh', '-c', 'kill -9 $$')).stderr,
          `${killed}${says}\n`,
        );
        const other = run(inMounts(`${ownDev}; ${mounts}`, 'sh', '-c', 'ulimit -c 0; kill -11 $$')).stderr;
        sub.equal(
          other,
          "bailey-init: 'sh' (process N) was ended by SIGSEGV\n",
          'the out-of-memory killer sends only SIGKILL',
        );
        sub.teardown(() => rmSync(folder, { recursive: true }));
      }
    },
  );
}

if (requires(t, root, pidNamespace, cgroup1))
  eachWay(
    t,
    'cgroup v1: the epitaph reports that the kernel killed the program for lack of memory',
    async (sub, way) => {
      const [hungry = ''] = compile(sub, 'test/init/use-all-memory.c');
      const group = `${memoryController}/bailey-test-${process.pid}-${way}`;
      mkdirSync(group);
      sub.teardown(() =>
        until('the cgroup is empty', () => {
          rmdirSync(group);
          return true;
        }),
      );
      writeFileSync(`${group}/memory.limit_in_bytes`, `${24 * mebibyte}`);
      // Memory over the limit must not be moved to swap.
      const script = `${ownDev}; echo 0 >${group}/memory.swappiness; echo $$ >${group}/cgroup.procs
      mount --bind ${group} ${memoryController}`;
      const { code, stderr } = run(inMounts(script, '--reap', way, hungry));
      sub.equal(code, 137);
      const says = /was ended by SIGKILL, by the out-of-memory killer: limit 24 MiB, peak 24 MiB\n$/;
      sub.match(stderr, says);
    },
  );
