import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import t from 'tap';
import { pidNamespace, program, requires } from '../kit/needs.ts';
import { untilTrue } from '../kit/until.ts';
import { DemoRun, demoCommand } from './demo-run.ts';

if (requires(t, pidNamespace, program('setpriv'), program('nsenter'))) {
  const moments = [
    { when: 'while the container without an init runs', line: / of 8 s: /, signal: 'SIGINT', code: 130 },
    { when: 'while the container runs', line: /container 2.* of 8 s: /, signal: 'SIGINT', code: 130 },
    { when: 'while the container starts', line: /^container 2, /m, signal: 'SIGTERM', code: 143 },
    { when: 'while the castle starts', line: /^\$ castle serve /m, signal: 'SIGHUP', code: 129 },
    { when: 'as the container starts', line: /^container 1, /m, signal: 'SIGQUIT', code: 131 },
  ] as const;
  for (const { when, line, signal, code } of moments) {
    t.test(`${signal} ${when} ends the demo, which cleans up`, async (t) => {
      const demo = new DemoRun();
      const result = await demo.run((stdout) => (line.test(stdout) ? signal : undefined));
      t.match(result.stdout, /\nInterrupted: cleaning up\.\n$/);
      t.equal(result.stderr, '');
      t.equal(result.code, code);
      demo.expectNothingLeft(t);
    });
  }

  const readers = [
    { who: 'the reader closes the pipe', script: 'set -o pipefail; "$@" | head -n 3', code: 141, says: /^$/ },
    {
      who: 'standard output is full',
      script: 'exec "$@" >/dev/full',
      code: 74,
      says: /^demo: standard output cannot be written: ENOSPC\n$/,
    },
  ] as const;
  for (const { who, script, code, says } of readers) {
    t.test(`${who}: the demo cleans up and ends`, async (t) => {
      const demo = new DemoRun();
      const result = await demo.run(undefined, ['bash', '-c', script, 'bash']);
      t.match(result.stderr, says);
      t.equal(result.code, code);
      demo.expectNothingLeft(t);
    });
  }

  t.test('the demo runs from another working directory', async (t) => {
    const demo = new DemoRun();
    const onStart = (stdout: string) => (/^container 1, /m.test(stdout) ? ('SIGTERM' as const) : undefined);
    const result = await demo.run(onStart, ['env', '-C', demo.folder]);
    t.equal(result.stderr, '');
    t.equal(result.code, 143);
    demo.expectNothingLeft(t);
  });

  t.test(
    'a signal at any moment of the creation of a container ends the demo, which cleans up',
    async (t) => {
      for (let moment = 0; moment < 8; moment++) {
        const demo = new DemoRun();
        let sendAt: number | undefined;
        const result = await demo.run((stdout) => {
          if (!/^container 1, /m.test(stdout)) return undefined;
          sendAt ??= performance.now() + moment;
          while (performance.now() < sendAt); // unshare needs about 5 ms: a timer would be too coarse
          return 'SIGTERM';
        });
        t.equal(result.code, 143, result.stderr);
        demo.expectNothingLeft(t);
      }
    },
  );

  t.test('kill -9 of the demo leaves no process and no mount, only files', async (t) => {
    const run = new DemoRun();
    const [file = '', ...args] = demoCommand;
    const demo = spawn(file, args, { env: run.env, stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const chunk of demo.stdout) if (/ of 8 s: /.test(String(chunk))) break;
    demo.kill('SIGKILL');
    await untilTrue('the processes of the demo have ended', () => processesNaming(run.folder).length === 0);
    t.same(processesNaming(run.folder), []);
    for (const entry of readdirSync(run.folder)) rmSync(`${run.folder}/${entry}`, { recursive: true });
    run.expectNothingLeft(t);
  });
}

/** The processes whose command line or environment contains the name of a folder: castle, unshare, bailey-init, java. */
function processesNaming(folder: string): readonly string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry) || entry === String(process.pid)) return false;
    try {
      return ['cmdline', 'environ'].some((file) =>
        readFileSync(`/proc/${entry}/${file}`, 'utf8').includes(folder),
      );
    } catch {
      return false; // the process has ended
    }
  });
}
