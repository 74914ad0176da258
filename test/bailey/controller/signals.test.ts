/**
 * No signal is lost while `bailey jenkins` prepares and while java replaces it. The moments are random;
 * BAILEY_TEST_SEED=N repeats a run.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { program, requires } from '../../kit/needs.ts';
import { Random } from '../../kit/random.ts';
import { until } from '../../kit/until.ts';
import { compileC, ended, installBailey, start, temporaryFolder } from '../kit/bailey.ts';
import { grantLease, refuseInUse, startFakeCastle } from '../kit/fake-castle.ts';

/** Replaces java: waits forever, with the inherited signal dispositions. */
const waitForever = '#include <unistd.h>\nint main(void) { write(1, "java", 4); for (;;) pause(); }\n';

interface ControllerFixture {
  readonly folder: string;
  readonly bailey: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
}

function createFixture(t: Test): ControllerFixture {
  const folder = temporaryFolder(t);
  const home = join(folder, 'home');
  mkdirSync(home);
  mkdirSync(join(folder, 'bin'));
  compileC(join(folder, 'bin/java'), waitForever);
  writeFileSync(join(folder, 'jenkins.war'), '');
  const env = {
    PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
    JENKINS_HOME: home,
    JENKINS_WAR: join(folder, 'jenkins.war'),
    REF: join(folder, 'ref'),
  };
  return { folder, home, env, bailey: installBailey(folder) };
}

if (requires(t, program('cc'))) {
  t.test(
    'a signal ends the wait for storage with exit code 128+n, without a lease or a written file',
    async (t) => {
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) {
        const { bailey, env, folder, home } = createFixture(t);
        let requestedTwice = (): void => undefined;
        const asked = new Promise<void>((resolve) => {
          requestedTwice = resolve;
        });
        const castle = await startFakeCastle(t, folder, (response, nth) => {
          if (nth === 2) requestedTwice(); // the second request shows that bailey retries
          refuseInUse(response);
        });
        const child = start(bailey, {
          args: ['jenkins'],
          env: { ...env, CASTLE_URL: castle.url, CASTLE_VOLUME: 'v' },
        });
        const end = ended(child);
        await asked;
        child.kill(signal);
        const ran = await end;
        t.equal(ran.code, 128 + constants.signals[signal], `${signal}: ${ran.stderr}`);
        t.notOk(castle.requests.some((line) => line.startsWith('DELETE')));
        t.notOk(existsSync(join(home, 'copy_reference_file.log')));
      }
    },
  );

  t.test('a lease that is granted after the signal is released', async (t) => {
    const { bailey, env, folder, home } = createFixture(t);
    let kill = (): void => undefined;
    const castle = await startFakeCastle(t, folder, (response) => {
      kill();
      grantLease(response, home);
    });
    const child = start(bailey, {
      args: ['jenkins'],
      env: { ...env, CASTLE_URL: castle.url, CASTLE_VOLUME: 'v' },
    });
    kill = () => child.kill('SIGTERM');
    const ran = await ended(child);
    t.equal(ran.code, 143, ran.stderr);
    t.strictSame(castle.requests, ['POST /v1/leases', 'DELETE /v1/leases/lease-1']);
  });

  t.test('a failure after the lease was granted releases it', async (t) => {
    const { bailey, env, folder, home } = createFixture(t);
    const castle = await startFakeCastle(t, folder, (response) => grantLease(response, home));
    const withCastle = { ...env, CASTLE_URL: castle.url, CASTLE_VOLUME: 'v' };
    writeFileSync(join(home, 'plugins'), 'a file where a folder has to be');
    mkdirSync(join(folder, 'ref/plugins'), { recursive: true });
    writeFileSync(join(folder, 'ref/plugins/p.jpi'), '');
    const ran = await ended(start(bailey, { args: ['jenkins'], env: withCastle }));
    t.equal(ran.code, 73, ran.stderr);
    t.match(
      ran.stderr,
      /^bailey: volume v is mounted on .*\nbailey: \S+plugins\S* (?:is below a file|is not a folder); [^\n]+\n$/,
    );
    t.strictSame(castle.requests, ['POST /v1/leases', 'DELETE /v1/leases/lease-1']);

    rmSync(join(home, 'plugins'));
    const right = start(bailey, { args: ['jenkins', 'true'], env: withCastle });
    t.equal((await ended(right)).code, 0);
    t.strictSame(castle.requests.slice(2), ['POST /v1/leases'], 'a successful start keeps the lease');
  });

  t.test('a lease that another program of the container already holds is not released', async (t) => {
    const { bailey, env, folder, home } = createFixture(t);
    let ending: ((status: 200) => void) | undefined;
    const castle = await startFakeCastle(t, folder, (response) => {
      ending?.(200);
      grantLease(response, home, 200);
    });
    const withCastle = { ...env, CASTLE_URL: castle.url, CASTLE_VOLUME: 'v' };
    writeFileSync(join(folder, 'no-program'), '#!/no/such/shell\n', { mode: 0o755 });
    const args = ['jenkins', join(folder, 'no-program')];
    t.equal((await ended(start(bailey, { args, env: withCastle }))).code, 127, 'a failure after the lease');

    const child = start(bailey, { args: ['jenkins'], env: withCastle });
    ending = () => child.kill('SIGTERM');
    t.equal((await ended(child)).code, 143, 'a signal while the castle answers');
    t.strictSame(castle.requests, ['POST /v1/leases', 'POST /v1/leases']);
  });

  t.test('a signal does not interrupt the release of storage, a second one does', async (t) => {
    for (const { what, signals } of [
      { what: 'one signal decides the exit code', signals: ['SIGTERM'] },
      { what: 'a second signal ends the process at once', signals: ['SIGINT', 'SIGTERM'] },
    ] as const) {
      const { bailey, env, folder, home } = createFixture(t);
      let child: ReturnType<typeof start> | undefined;
      // The castle never answers: the client gives up after its timeout, or at the second signal.
      const castle = await startFakeCastle(
        t,
        folder,
        (response) => grantLease(response, home),
        () => {
          for (const signal of signals) child?.kill(signal);
        },
      );
      writeFileSync(join(home, 'plugins'), 'a file where a folder has to be');
      mkdirSync(join(folder, 'ref/plugins'), { recursive: true });
      writeFileSync(join(folder, 'ref/plugins/p.jpi'), '');
      const withCastle = { ...env, CASTLE_URL: castle.url, CASTLE_VOLUME: 'v' };
      child = start(bailey, { args: ['jenkins'], env: withCastle });
      const ran = await ended(child);
      // Two signals that are sent at the same time may arrive in either order.
      const codes = signals.map((signal) => 128 + constants.signals[signal]);
      t.ok(codes.includes(ran.code ?? 0), `${what}: ${ran.code} ${ran.stderr}`);
      t.strictSame(castle.requests, ['POST /v1/leases', 'DELETE /v1/leases/lease-1']);
      const gaveUp = /could not be released/.test(ran.stderr);
      t.equal(gaveUp, signals.length === 1, what);
    }
  });

  t.test(
    'a signal at each of 100 random moments of the start ends the process, and nothing partial is left',
    async (t) => {
      const random = Random.ofTest(t, 'BAILEY_TEST_SEED', 20_261);
      const { bailey, env, home } = createFixture(t);
      const log = join(home, 'copy_reference_file.log');
      const outcomes = { before: 0, preparing: 0, java: 0 };
      const lost: unknown[] = [];

      for (let n = 0; n < 100; n++) {
        rmSync(log, { force: true });
        const child = start(bailey, { args: ['jenkins'], env });
        const end = ended(child);
        if (n % 2 === 0) await pause(random.next() * 120);
        else {
          // The log is the last file that is written before java replaces bailey: this signal arrives in that moment.
          const reached = () => (existsSync(log) || child.exitCode !== null ? true : undefined);
          await until('the log exists, or bailey has ended', reached, 30_000, 1);
          for (let spin = random.below(20_000); spin > 0; spin--) void Math.sqrt(spin);
        }
        child.kill('SIGTERM');
        const ran = await end;
        if (ran.code !== 143 && ran.signal !== 'SIGTERM') lost.push(ran);
        if (ran.code === 143) outcomes.preparing++;
        else if (ran.stdout === 'java') outcomes.java++;
        else outcomes.before++;
      }
      t.strictSame(lost, [], 'every run ended by the signal');
      t.comment(
        `ended before or in the hand-over ${outcomes.before}, preparing ${outcomes.preparing}, as java ${outcomes.java}`,
      );
      if (existsSync(log))
        t.match(readFileSync(log, 'utf8'), /^--- Copying files at .*\n$/, 'the log has no partial line');
    },
  );
}
