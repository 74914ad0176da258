// The exit status of bailey-init is that of the program, with each way of reaping.
import { spawn } from 'node:child_process';
import { chmodSync } from 'node:fs';
import t from 'tap';
import { compile } from '../kit/compile.ts';
import { asProcess1, inNamespace, Running, stat, until } from '../kit/namespace.ts';
import { pidNamespace, requires } from '../kit/needs.ts';
import { bailey } from './bailey-init.ts';
import { eachWay } from './reaping-ways.ts';

/** Signals whose default action does not end a process: CHLD CONT STOP TSTP TTIN TTOU URG WINCH. */
const harmless = [17, 18, 19, 20, 21, 22, 23, 28];

/**
 * Runs bailey-init many times, each time in a new namespace, and collects the exit codes.
 * @param times shell words, the values of the loop variable `n`
 * @param program a shell script, with $1 for n
 */
async function codes(way: string, times: string, program: string): Promise<string[]> {
  const init = asProcess1([bailey, '--reap', way, '--'], { proc: false }).join(' ');
  const script = `ulimit -c 0; for n in ${times}; do ${init} sh -c '${program}' sh $n; echo $n $?; done`;
  const shell = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  for await (const chunk of shell.stdout.setEncoding('utf8')) text += chunk;
  return text.trim().split('\n');
}

if (requires(t, pidNamespace)) {
  eachWay(t, 'bailey-init exits with every exit code from 0 to 255', async (sub, way) => {
    const expected = Array.from({ length: 256 }, (_, code) => `${code} ${code}`);
    sub.same(await codes(way, '$(seq 0 255)', 'exit $1'), expected);
  });

  eachWay(t, 'a program that any signal n ends gives exit code 128+n', async (sub, way) => {
    const deadly = Array.from({ length: 64 }, (_, index) => index + 1).filter((n) => !harmless.includes(n));
    // 32 and 33 belong to libc's threads; the kill of a shell sends them nevertheless.
    const expected = deadly.map((signal) => `${signal} ${128 + signal}`);
    sub.same(await codes(way, deadly.join(' '), 'kill -$1 $$'), expected);
  });

  eachWay(t, 'the exit code of a program that exits immediately is right 500 times', async (sub, way) => {
    const wrong = (await codes(way, '$(seq 500)', 'exit 41')).filter((line) => !line.endsWith(' 41'));
    sub.same(wrong, []);
  });

  eachWay(t, 'the exit code of a program that is killed immediately is right 300 times', async (sub, way) => {
    const wrong = (await codes(way, '$(seq 300)', 'kill -9 $$')).filter((line) => !line.endsWith(' 137'));
    sub.same(wrong, []);
  });

  eachWay(
    t,
    'the exit code is right when the first thread of a program ends before other threads',
    async (sub, way) => {
      const [threads = ''] = compile(sub, 'test/init/first-thread-ends.c');
      const run = (...args: string[]) => inNamespace([bailey, '--reap', way, '--', threads, ...args]);
      for (let time = 0; time < 60; time++) {
        sub.equal((await run('leaves', '33')).code, 33, 'a thread other than the first one ends the process');
        sub.equal(
          (await run('leaves-killed', '15')).code,
          143,
          'a thread other than the first one kills the process',
        );
        sub.equal(
          (await run('execs', 'sh', '-c', 'exit 34')).code,
          34,
          'a thread other than the first one executes a program',
        );
      }
    },
  );

  eachWay(
    t,
    'the exit code is right after a debugger has kept the ended program as a zombie',
    async (sub, way) => {
      // The pidfd of the traced zombie is readable, but the kernel has no exit status before the debugger detaches.
      const [held = ''] = compile(sub, 'test/init/traced-zombie.c');
      const running = new Running([bailey, '--reap', way, '--', held, '23']);
      sub.teardown(() => running.kill());
      sub.equal(await running.line(), 'held');
      const init = await running.pid();
      await until('bailey-init waits', () => stat(init)?.state === 'S');
      running.write('detach\n');
      sub.equal((await running.ended()).code, 23);
    },
  );

  t.test('the epitaph has the name in UTF-8, without control characters', async (sub) => {
    const name = 'grün\n\x1b\x7f';
    const folder = sub.testdir({ [name]: '#!/bin/sh\nulimit -c 0; kill -KILL $$\n' });
    chmodSync(`${folder}/${name}`, 0o755);
    const { code, stderr } = await inNamespace(['/usr/bin/env', '-C', folder, bailey, '--', `./${name}`]);
    sub.equal(code, 137);
    sub.match(stderr, /^bailey-init: '\.\/grün\?\?\?' \(process \d+\) was ended by SIGKILL/);
  });

  t.test('a program that cannot be executed ends with exit code 126 or 127 and the reason', async (sub) => {
    const folder = sub.testdir({
      'no-permission': '#!/bin/sh\n',
      'no-format': 'neither a script nor a program\n',
      'no-interpreter': '#!/no/such/interpreter\n',
      dir: {},
      first: { tool: 'not executable' },
      second: { tool: '#!/bin/sh\nexit 21\n' },
    });
    for (const file of ['no-format', 'no-interpreter', 'second/tool']) chmodSync(`${folder}/${file}`, 0o755);
    const run = async (name: string, PATH?: string) => {
      const env = PATH === undefined ? process.env : { PATH };
      return inNamespace(['/usr/bin/env', '-C', folder, bailey, '--', name], { env });
    };
    const missing = 'No such file or directory';
    const cases: [what: string, name: string, path: string | undefined, code: number, says: string][] = [
      ['not in PATH', 'no-such-program', undefined, 127, `'no-such-program' cannot be executed: ${missing}`],
      ['no such file', './nothing', undefined, 127, `'./nothing' cannot be executed: ${missing}`],
      [
        'below a file',
        './no-format/x',
        undefined,
        127,
        "'./no-format/x' cannot be executed: Not a directory",
      ],
      ['empty name', '', undefined, 127, `'' cannot be executed: ${missing}`],
      [
        'not executable',
        './no-permission',
        undefined,
        126,
        "'./no-permission' cannot be executed: Permission denied",
      ],
      ['a folder', './dir', undefined, 126, "'./dir' cannot be executed: Permission denied"],
      ['no format', './no-format', undefined, 126, "'./no-format' cannot be executed: Exec format error"],
      [
        'PATH has only a program without execute permission',
        'tool',
        '/bin:first',
        126,
        "'tool' cannot be executed: Permission denied",
      ],
      [
        'no interpreter',
        './no-interpreter',
        undefined,
        127,
        "'./no-interpreter' exists, but its interpreter",
      ],
    ];
    for (const [what, name, path, code, says] of cases) {
      const ended = await run(name, path === undefined ? undefined : `/usr/bin:${path}`);
      sub.equal(ended.code, code, what);
      sub.match(ended.stderr, `bailey-init: ${says}`, what);
      sub.equal(ended.stderr.split('\n').length, 2, `${what}: one line`);
    }
    const searched = '/usr/bin:/bin:first:/nothing:no-format';
    sub.equal(
      (await run('tool', `${searched}:second`)).code,
      21,
      'PATH: the search continues after a program that may not be executed',
    );
    sub.equal(
      (await run('no-format', `/usr/bin:/bin:`)).code,
      126,
      'PATH: an empty entry is the working directory',
    );
  });
}
