import { DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2';
import t from 'tap';
import { requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { loopDevices } from '../backends/loop/loop-host.ts';
import { Account } from './account.ts';
import { mostWithin, Simulator } from './simulator.ts';

if (requires(t, root, loopDevices)) {
  t.test('a token bucket for each action throttles it', async (t) => {
    const simulator = await Simulator.start(t);
    const account = new Account(simulator);
    const bucket = { size: 3, refillPerSecond: 0 };
    await simulator.set({
      throttling: { on: true, mutate: bucket, unfiltered: { size: 1, refillPerSecond: 0 } },
    });
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => account.create()));
    t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 3);
    t.match(
      outcomes.find(({ status }) => status === 'rejected'),
      { reason: { name: 'RequestLimitExceeded', $metadata: { httpStatusCode: 503 } } },
    );
    t.equal(Object.keys((await simulator.facts()).volumes).length, 4, 'throttled requests are not executed');
    const all = () => account.client.send(new DescribeVolumesCommand({}));
    await all();
    await t.rejects(all(), { name: 'RequestLimitExceeded' }, 'unfiltered requests have a smaller bucket');
    await account.client.send(new DescribeVolumesCommand({ MaxResults: 5 }));
    const created = await simulator.calls('CreateVolume');
    t.equal(created.length, 5);
    t.equal(mostWithin(60_000, created), 5);
    // With a refilled bucket, a client that waits and retries succeeds.
    await simulator.set({ throttling: { mutate: { size: 1, refillPerSecond: 5 } } });
    const patient = new Account(simulator, 10);
    const sent = await Promise.all([patient.create(), patient.create(), patient.create()]);
    t.equal(new Set(sent).size, 3);
    t.equal((await simulator.calls('CreateVolume')).filter(({ outcome }) => outcome === 'ok').length, 6);
  });

  t.test('an error fault can be limited by number, probability and volume', async (t) => {
    const simulator = await Simulator.start(t);
    const account = new Account(simulator);
    const [one, other] = [await account.available(), await account.available()];
    await simulator.fault({ kind: 'error', code: 'InternalError', status: 500, volume: one, times: 2 });
    const failure = { name: 'InternalError', $metadata: { httpStatusCode: 500 } };
    await t.rejects(account.describe(one), failure);
    t.equal((await account.describe(other)).VolumeId, other, 'only for one volume');
    await t.rejects(account.describe(one), failure);
    t.equal((await account.describe(one)).VolumeId, one, 'only two times');
    await simulator.fault({ kind: 'error', code: 'Unavailable', status: 503, probability: 0.5 });
    const outcomes = await Promise.allSettled(Array.from({ length: 64 }, () => account.describe(one)));
    const failed = outcomes.filter(({ status }) => status === 'rejected').length;
    t.ok(failed > 0 && failed < 64, `${failed} of 64`);
    await simulator.clearFaults();
    await account.describe(one);
  });

  t.test('a request whose response is lost or malformed is executed', async (t) => {
    const simulator = await Simulator.start(t);
    const account = new Account(simulator);
    const volumes = async () => Object.keys((await simulator.facts()).volumes).length - 1;
    for (const [kind, done] of [
      ['lost-request', 0],
      ['lost-answer', 1],
      ['malformed-answer', 2],
      ['truncated-answer', 3],
    ] as const) {
      await simulator.fault({ kind, action: 'CreateVolume', times: 1 });
      await t.rejects(account.create(), kind);
      t.equal(await volumes(), done, kind);
      t.equal((await simulator.calls('CreateVolume')).at(-1)?.outcome, kind);
    }
    await simulator.fault({ kind: 'lost-answer', action: 'CreateVolume', times: 1 });
    const patient = new Account(simulator, 3);
    const id = await patient.create({ ClientToken: 'one' });
    t.equal(await volumes(), 4, 'a retry with the same token creates no second volume');
    t.equal(await account.create({ ClientToken: 'one' }), id);

    await simulator.fault({ kind: 'slow', ms: 60_000, times: 1 });
    await t.rejects(
      account.client.send(new DescribeVolumesCommand({}), { abortSignal: AbortSignal.timeout(100) }),
      { name: 'AbortError' },
    );
    await account.describe(id);
  });

  t.test('the token of a creation that fails later stays used', async (t) => {
    const simulator = await Simulator.start(t);
    const account = new Account(simulator);
    const wanted = { ClientToken: 'main' };
    await simulator.fault({ kind: 'create-fails', times: 1 });
    const id = await account.create(wanted);
    await account.untilState(id, 'error');
    t.equal(await account.create(wanted), id, 'the same failed volume');
    await t.rejects(account.attach(id, '/dev/xvdba', 'i-0a'), { name: 'IncorrectState' });
    t.not(await account.available({ ClientToken: 'main-2' }), id);

    await simulator.fault({ kind: 'create-fails', vanishes: true, times: 1 });
    const gone = await account.create({ ClientToken: 'other' });
    await until('the failed volume has vanished', async () =>
      account.describe(gone).then(
        () => undefined,
        ({ name }) => (name === 'InvalidVolume.NotFound' ? true : undefined),
      ),
    );
    t.equal(await account.create({ ClientToken: 'other' }), gone);
  });

  t.test('with lag, recent changes may not be visible yet', async (t) => {
    const simulator = await Simulator.start(t);
    const account = new Account(simulator);
    await account.available();
    await simulator.set({ lag: { ms: 60_000 } });
    const id = await account.create();
    const notYet = { name: 'InvalidVolume.NotFound' };
    await t.rejects(account.describe(id), notYet);
    await t.rejects(account.attach(id, '/dev/xvdba', 'i-0a'), notYet);
    await simulator.set({ lag: { ms: 700 } });
    await until('the new volume is visible', () => account.describe(id).catch(() => undefined));
    await account.untilState(id, 'available');
    await account.attach(id, '/dev/xvdba', 'i-0a');
    t.match(
      await account.describe(id),
      { State: 'available' },
      'a new attachment is also not visible immediately',
    );
    await account.untilAttachment(id, 'attached');
    await simulator.set({ lag: { ms: 60_000, probability: 0.5 } });
    const late = await account.create();
    const seen = await Promise.allSettled(Array.from({ length: 64 }, () => account.describe(late)));
    const times = seen.filter(({ status }) => status === 'fulfilled').length;
    t.ok(times > 0 && times < 64, `visible in ${times} of 64 responses`);
  });

  t.test('requests without a signature for this service, region and time are refused', async (t) => {
    const simulator = await Simulator.start(t);
    const account = new Account(simulator);
    await simulator.set({ clockMs: 3_600_000 });
    await t.rejects(account.client.send(new DescribeVolumesCommand({})), { name: 'RequestExpired' });
    const client = simulator.client(2);
    t.ok(await client.send(new DescribeVolumesCommand({})), 'the SDK corrects its clock by the response');
    await simulator.set({ clockMs: 0 });
    const abroad = new EC2Client({
      ...{ endpoint: simulator.url, region: 'us-east-1', maxAttempts: 1 },
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
    await t.rejects(abroad.send(new DescribeVolumesCommand({})), { name: 'AuthFailure' });
    abroad.destroy();
    const bare = await fetch(simulator.url, {
      method: 'POST',
      body: 'Action=DescribeVolumes&Version=2016-11-15',
    });
    t.equal(bare.status, 403);
    t.match(
      await bare.text(),
      /<Response><Errors><Error><Code>MissingAuthenticationToken<\/Code><Message>.*<\/RequestID><\/Response>/,
    );
  });

  t.test('invalid control requests are refused', async (t) => {
    const simulator = await Simulator.start(t);
    const wrong = { kind: 'error', code: 'X', often: 3 } as unknown as Parameters<Simulator['fault']>[0];
    await t.rejects(simulator.fault(wrong), /400/);
    await t.rejects(simulator.set({ delaysMs: { create: -1 } }), /400 .*create/);
    await t.rejects(simulator.vanish('vol-0'), /404/);
  });
}
