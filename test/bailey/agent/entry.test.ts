/** dist/bailey, the command in an image: programs that do not need Node run without starting it. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { inNamespace } from '../../kit/namespace.ts';
import { pidNamespace, requires } from '../../kit/needs.ts';
import { installBailey, temporaryFolder } from '../kit/bailey.ts';

t.test('a program instead of an agent replaces the process without Node; all else starts Node', async (t) => {
  const folder = temporaryFolder(t);
  installBailey(folder, true);
  copyFileSync(resolve('dist/bailey'), join(folder, 'dist/bailey'));
  // As in an image: a symlink in a directory of PATH.
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync('../dist/bailey', join(bin, 'bailey'));
  writeFileSync(join(bin, 'look'), '#!/bin/sh\necho "$$ $#"\n', { mode: 0o755 });
  symlinkSync(process.execPath, join(folder, 'node'));
  const withoutNode = bin;
  const withNode = `${bin}:${folder}`;
  const bailey = (path: string, ...args: string[]) =>
    spawnSync('env', ['-i', `PATH=${path}`, join(bin, 'bailey'), ...args], { encoding: 'utf8' });

  t.test('the program replaces the process without starting Node', async (t) => {
    const ran = bailey(withoutNode, 'agent', 'look');
    t.equal(ran.stdout, `${ran.pid} 0\n`, ran.stderr);
    t.equal(ran.status, 0);
  });

  t.test('errors about the program are the same as with Node', async (t) => {
    const missing = bailey(withNode, 'agent', 'nope');
    t.equal(missing.status, 127);
    t.match(missing.stderr, /^bailey: nope is not in PATH; [^\n]+\n$/);
    const folderNamed = bailey(withNode, 'agent', bin);
    t.equal(folderNamed.status, 126);
    t.match(folderNamed.stderr, /^bailey: .* is a folder; [^\n]+\n$/);
    t.match(bailey(withNode, 'agent', ''), { status: 64, stderr: /name of the program to run is empty/ });
  });

  t.test('every command line of bailey is passed to bailey.js unchanged', async (t) => {
    t.match(bailey(withNode, '--version'), { status: 0, stdout: /^bailey \d/ });
    t.match(bailey(withNode), {
      status: 64,
      stderr: 'bailey: no command given; for usage, run: bailey --help\n',
    });
    t.match(bailey(withNode, 'agent', '-url'), { status: 64, stderr: /^bailey: -url needs a value/ });
    t.match(bailey(withNode, 'health', 'a b', '--'), { status: 64, stderr: /unknown argument "a b"/ });
  });

  t.test('NODE_OPTIONS reaches the program, but not the Node of bailey', async (t) => {
    const options = '--require=/no/such/file.js';
    writeFileSync(join(bin, 'show'), '#!/bin/sh\nexport -p\n', { mode: 0o755 });
    const env = [`NODE_OPTIONS=${options}`, `JENKINS_HOME=${temporaryFolder(t)}`, 'REF=/no/such/folder'];
    const command = ['env', '-i', `PATH=${withNode}:${process.env['PATH']}`, ...env, join(bin, 'bailey')];
    const [program = '', ...before] = command;
    for (const args of [['--version'], ['jenkins', 'show']]) {
      const ran = spawnSync(program, [...before, ...args], { encoding: 'utf8' });
      t.equal(ran.status, 0, ran.stderr);
      if (args[0] === 'jenkins') t.match(ran.stdout, `NODE_OPTIONS='${options}'`);
      t.notMatch(ran.stdout, /BAILEY_HELD/);
    }
    if (!requires(t, pidNamespace)) return;
    const below = await inNamespace([...command, 'jenkins', 'show']);
    t.equal(below.code, 0, below.stderr);
    t.match(below.stdout, `NODE_OPTIONS='${options}'`);
  });

  t.test('a missing Node is reported', async (t) => {
    for (const args of [['--version'], ['agent', 'nope'], ['jenkins', 'look']]) {
      const ran = bailey(withoutNode, ...args);
      t.equal(ran.status, 127, args.join(' '));
      t.match(ran.stderr, /^bailey: node is not in PATH; [^\n]+\n$/);
    }
  });

  if (requires(t, pidNamespace)) {
    t.test('as PID 1 it starts the program under bailey-init', async (t) => {
      const script = join(bin, 'parent');
      writeFileSync(script, '#!/bin/sh\nread -r name </proc/1/comm; echo "$$ $name"\n', { mode: 0o755 });
      const ran = await inNamespace([join(bin, 'bailey'), 'agent', 'parent'], {
        env: { PATH: `${withNode}:${process.env['PATH']}` },
      });
      t.match(ran, { code: 0, stdout: /^(?!1 )\d+ bailey-init\n$/ });
    });
  }
});
