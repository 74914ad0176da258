/** Two starts that fill the same home, as in a rolling update: neither removes files of the other one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { program, requires } from '../../kit/needs.ts';
import { ended } from '../kit/bailey.ts';
import { ControllerFixture } from './kit/controller-fixture.ts';

/** A process that holds the lock of JENKINS_HOME until the test ends it. */
async function fillerOf(t: Test, home: string): Promise<() => void> {
  const holder = spawn('flock', [home, 'sh', '-c', 'echo held; read end'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  t.teardown(() => holder.kill());
  await once(holder.stdout, 'data');
  return () => void holder.stdin.end();
}

t.test('two simultaneous starts on one home succeed, and every file is complete', async (t) => {
  const fixture = new ControllerFixture(t);
  const names = Array.from({ length: 300 }, (_, at) => `userContent/${at}`);
  for (const name of names) fixture.write(join(fixture.ref, name), name.repeat(2000));
  const both = await Promise.all([fixture.copy(), fixture.copy()]);
  for (const { code, stderr } of both) t.equal(code, 0, stderr);
  t.same(fixture.files(), ['copy_reference_file.log', ...names].sort());
  for (const name of names) t.equal(readFileSync(join(fixture.home, name), 'utf8'), name.repeat(2000), name);
});

if (requires(t, program('flock'))) {
  t.test('a second start waits for the first one, logs that, and then copies what is missing', async (t) => {
    const fixture = new ControllerFixture(t);
    fixture.write(join(fixture.ref, 'config.xml'), 'image');
    const endFilling = await fillerOf(t, fixture.home);
    const child = fixture.startCopying();
    const end = ended(child);
    await once(child.stderr as NodeJS.ReadableStream, 'data');
    t.notOk(existsSync(join(fixture.home, 'config.xml')));
    fixture.write(join(fixture.home, 'config.xml'), 'the first one');
    endFilling();
    const ran = await end;
    t.equal(ran.code, 0, ran.stderr);
    t.equal(ran.stderr, `bailey: waiting for another start to finish filling ${fixture.home}\n`);
    t.equal(fixture.text('config.xml'), 'the first one');
  });

  t.test('a signal ends the wait for the first start', async (t) => {
    const fixture = new ControllerFixture(t);
    fixture.write(join(fixture.ref, 'config.xml'), 'image');
    await fillerOf(t, fixture.home);
    const child = fixture.startCopying();
    const end = ended(child);
    await once(child.stderr as NodeJS.ReadableStream, 'data');
    child.kill('SIGTERM');
    t.equal((await end).code, 143);
    t.notOk(existsSync(join(fixture.home, 'config.xml')));
  });
}
