import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { pidNamespace, program, requires } from '../kit/needs.ts';
import { demoCommand, Stage } from './stage.ts';

if (requires(t, pidNamespace, program('setpriv'), program('nsenter'))) {
  const moments = [
    { when: 'while the container runs', line: / of 8 s: /, signal: 'SIGINT', code: 130 },
    { when: 'while the container starts', line: /^container 1: /m, signal: 'SIGTERM', code: 143 },
    { when: 'while the castle starts', line: /^What will happen/m, signal: 'SIGHUP', code: 129 },
    { when: 'as the container starts', line: /^container 1: /m, signal: 'SIGQUIT', code: 131 },
  ] as const;
  for (const { when, line, signal, code } of moments) {
    t.test(`${signal} ${when}`, async (t) => {
      const stage = new Stage();
      const told = await stage.tell((stdout) => (line.test(stdout) ? signal : undefined));
      t.match(told.stdout, /\nInterrupted: everything is being cleaned up\.\n$/);
      t.equal(told.stderr, '');
      t.equal(told.code, code);
      stage.expectNothingLeft(t);
    });
  }

  const readers = [
    { who: 'nobody reads on', script: 'set -o pipefail; "$@" | head -n 3', code: 141, says: /^$/ },
    {
      who: 'standard output is full',
      script: 'exec "$@" >/dev/full',
      code: 74,
      says: /^demo: standard output cannot be written: ENOSPC\n$/,
    },
  ] as const;
  for (const { who, script, code, says } of readers) {
    t.test(`${who}: it cleans up and ends`, async (t) => {
      const stage = new Stage();
      const told = await stage.tell(undefined, ['bash', '-c', script, 'bash']);
      t.match(told.stderr, says);
      t.equal(told.code, code);
      stage.expectNothingLeft(t);
    });
  }

  t.test('from another folder', async (t) => {
    const stage = new Stage();
    const begun = (stdout: string) => (/^container 1: /m.test(stdout) ? ('SIGTERM' as const) : undefined);
    const told = await stage.tell(begun, ['env', '-C', stage.folder]);
    t.equal(told.stderr, '');
    t.equal(told.code, 143);
    stage.expectNothingLeft(t);
  });

  t.test('in any moment of the making of the container', async (t) => {
    for (let moment = 0; moment < 8; moment++) {
      const stage = new Stage();
      let made: number | undefined;
      const told = await stage.tell((stdout) => {
        if (!/^container 1: /m.test(stdout)) return undefined;
        made ??= performance.now() + moment;
        while (performance.now() < made); // a timer is too coarse: unshare needs about 5 ms
        return 'SIGTERM';
      });
      t.equal(told.code, 143, told.stderr);
      stage.expectNothingLeft(t);
    }
  });

  t.test('kill -9: no process and no mount is left, only files', async (t) => {
    const stage = new Stage();
    const [file = '', ...args] = demoCommand;
    const demo = spawn(file, args, { env: stage.env, stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const chunk of demo.stdout) if (/ of 8 s: /.test(String(chunk))) break;
    demo.kill('SIGKILL');
    const left = () => processesNaming(stage.folder).length > 0;
    for (let look = 0; left() && look < 200; look++) await pause(50);
    t.same(processesNaming(stage.folder), []);
    for (const entry of readdirSync(stage.folder)) rmSync(`${stage.folder}/${entry}`, { recursive: true });
    stage.expectNothingLeft(t);
  });
}

/** The processes whose command line or environment names a folder: the castle, unshare, bailey-init, java. */
function processesNaming(folder: string): readonly string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry) || entry === String(process.pid)) return false;
    try {
      return ['cmdline', 'environ'].some((file) =>
        readFileSync(`/proc/${entry}/${file}`, 'utf8').includes(folder),
      );
    } catch {
      return false; // ended meanwhile
    }
  });
}
