/** `bailey jenkins` without any variable, with a program instead of Jenkins, and with DEBUG. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { program, requires, root } from '../../kit/needs.ts';
import { ended, installBailey, run, temporaryFolder } from '../kit/bailey.ts';
import { ControllerFixture } from './kit/controller-fixture.ts';

/** A folder with bailey and a java that prints its arguments. */
function createDefaultsFixture(t: Test): {
  readonly folder: string;
  readonly bailey: string;
  readonly PATH: string;
} {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/java'), '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 });
  return { folder, bailey: installBailey(folder), PATH: `${join(folder, 'bin')}:${process.env['PATH']}` };
}

if (requires(t, root, program('unshare'), program('mount'))) {
  t.test('without variables, the paths are those of the official image', async (t) => {
    const { bailey, PATH } = createDefaultsFixture(t);
    // A new mount namespace, in which test folders are mounted on these paths.
    const script = [
      'mount -t tmpfs none /var; mkdir /var/jenkins_home',
      'mount -t tmpfs none /usr/share; mkdir -p /usr/share/jenkins/ref',
      'echo war > /usr/share/jenkins/jenkins.war; echo image > /usr/share/jenkins/ref/file.txt',
      '"$@"; cd /var/jenkins_home; cat file.txt; cat copy_reference_file.log',
    ].join('\n');
    const below = ['unshare', '--mount', 'sh', '-ec', script, 'sh'];
    const ran = await run(bailey, { args: ['jenkins'], env: { PATH }, below });
    t.equal(ran.code, 0, ran.stderr);
    const lifecycle = '-Dhudson.lifecycle=hudson.lifecycle.ExitLifecycle';
    const java = ['-Duser.home=/var/jenkins_home', lifecycle, '-jar', '/usr/share/jenkins/jenkins.war'];
    const lines = ran.stdout.split('\n');
    t.strictSame(lines.slice(0, 5), [...java, 'image']);
    t.match(lines[5], /^--- Copying files at \d{4}-\d\d-\d\dT/);
    t.strictSame(lines.slice(6), ['INSTALLED file.txt', '']);
  });
}

t.test('with DEBUG, java waits for a debugger on port 5005', async (t) => {
  const { bailey, folder, PATH } = createDefaultsFixture(t);
  writeFileSync(join(folder, 'jenkins.war'), '');
  const env = { PATH, JENKINS_HOME: folder, JENKINS_WAR: join(folder, 'jenkins.war'), REF: '/none' };
  const agent = '-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=*:5005';
  for (const [DEBUG, expected] of [
    ['true', true],
    ['0', true],
    ['', false],
  ] as const) {
    const ran = await run(bailey, { args: ['jenkins'], env: { ...env, DEBUG } });
    t.equal(ran.code, 0, ran.stderr);
    t.equal(ran.stdout.split('\n').includes(agent), expected, `DEBUG=${DEBUG}`);
  }
});

t.test('another program replaces the process after JENKINS_HOME is filled', async (t) => {
  const fixture = new ControllerFixture(t);
  fixture.write(join(fixture.ref, 'file.txt'), 'image');
  const script = `echo $$; cat '${fixture.home}/file.txt'; exit 7`;
  const ran = await ended(fixture.startProgram(['bash', '-c', script]));
  t.equal(ran.stdout, `${ran.pid}\nimage`);
  t.equal(ran.code, 7);
});
