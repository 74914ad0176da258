/** Tokens: which requests they allow over TLS, for how long, and attempts to misuse them. */
import { randomBytes, randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Claims, readToken, writeToken } from '../../../src/castle/identity/token.ts';
import { openStore } from '../../../src/castle/store/store.ts';
import type { Lease } from '../../../src/protocol/contract.ts';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { until } from '../../kit/until.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';
import { TlsCastle, tokenCommand } from '../kit/tls-castle.ts';

t.setTimeout(0);

const refused = (sentence: RegExp) => ({
  status: 403,
  body: { error: { code: 'not_permitted', message: sentence } },
});

if (requires(t, root, program('openssl'), program('setpriv'))) {
  t.test(
    'a container gets its volume with its token, and the same lease when it repeats the request',
    async (t) => {
      const tls = await TlsCastle.start(t);
      const [container, other] = [
        await TestContainer.start(t, tls.castle),
        await TestContainer.start(t, tls.castle),
      ];
      const token = await tls.tokenOf(container, 'main');
      const { status, body } = await tls.lease(token, 'main', container.home);
      t.match({ status, body }, { status: 201, body: { volume: 'main', state: 'mounted' } });
      t.equal((await container.mounts(container.home)).length, 1, 'the mount is in its container');
      t.same(await other.mounts(container.home), [], 'the mount is in no other container');
      const again = await tls.lease(token, 'main', container.home);
      t.match(again, { status: 200, body: { id: body.id } });
      t.match(
        (await Promise.all([1, 2, 3].map(() => tls.lease(token, 'main', container.home)))).map(
          (a) => a.status,
        ),
        [200, 200, 200],
      );

      await other.lease('others');
      const own = (await tls.ask(token, 'GET', '/v1/leases')).body as unknown as readonly Lease[];
      t.strictSame(
        own.map(({ id }) => id),
        [body.id],
        'a container sees only its own lease',
      );
      const foreign = (await tls.castle.ask('leases')).find(({ volume }) => volume === 'others');
      t.match(await tls.ask(token, 'DELETE', `/v1/leases/${foreign?.id}`), { status: 404 });
      t.match(await tls.ask(token, 'DELETE', `/v1/leases/${body.id}`), { status: 204 });
      t.same(await container.mounts(container.home), []);
    },
  );

  t.test('requests of the host are refused over TLS', async (t) => {
    const tls = await TlsCastle.start(t);
    const container = await TestContainer.start(t, tls.castle);
    const token = await tls.tokenOf(container, 'main');
    const orders: [string, string, object?][] = [
      ['GET', '/v1/volumes'],
      ['POST', '/v1/volumes', { name: 'mine', uid: 0, gid: 0 }],
      ['DELETE', '/v1/volumes/main'],
      ['POST', '/v1/volumes/main/size', { sizeBytes: 1 }],
      ['POST', '/v1/tokens', { container: 'process-1', volume: 'main', ttlMs: 1000 }],
      ['GET', '/v1/status'],
      ['GET', '/v1/events'],
      ['GET', '/metrics'],
      ['GET', '/healthz'],
      ['GET', '/v1/openapi.json'],
      ['GET', '/nothing'],
      ['PUT', '/v1/leases'],
    ];
    for (const with_ of [token, undefined]) {
      for (const [method, path, body] of orders) {
        t.match(
          await tls.ask(with_, method, path, body),
          refused(/is not available to containers$/),
          `${method} ${path}`,
        );
      }
    }
    t.same(await tls.castle.ask('volumes'), []);
  });

  t.test('invalid tokens are refused', async (t) => {
    const tls = await TlsCastle.start(t);
    const stranger = await TlsCastle.start(t);
    const [container, other] = [
      await TestContainer.start(t, tls.castle),
      await TestContainer.start(t, tls.castle),
    ];
    const right = await tls.tokenOf(container, 'main');
    const { castle, key } = tls.key;
    const claims = readToken(key, right);
    const signed = (changes: Partial<Claims>) => writeToken(key, { ...claims, id: randomUUID(), ...changes });
    const [word = '', payload = '', mac = ''] = right.split('.');
    const forged = Buffer.from(JSON.stringify({ ...claims, volume: 'theirs' })).toString('base64url');
    const changed = `${mac.slice(0, -1)}${mac.endsWith('A') ? 'B' : 'A'}`;
    const now = Date.now();
    t.equal(claims.castle, castle);
    const cases: [what: string, token: string | undefined, sentence: RegExp][] = [
      ['none', undefined, /^the request has no token$/],
      ['an empty one', '', /^the request has no token$/],
      ['two words', 'castle1 x', /^the request has no token$/],
      ['garbage', 'garbage', /was not created by this castle, or was changed$/],
      ['only dots', '...', /was not created by this castle/],
      ['no signature', `${word}.${payload}.`, /was not created by this castle/],
      ['the signature of nothing', `${word}..${mac}`, /was not created by this castle/],
      ['changed claims', `${word}.${forged}.${mac}`, /was not created by this castle/],
      ['a changed signature', `${word}.${payload}.${changed}`, /was not created by this castle/],
      ['more behind it', `${right}=`, /was not created by this castle/],
      ['another format', right.replace('castle1', 'castle2'), /was not created by this castle/],
      ['one of JWT without algorithm', 'eyJhbGciOiJub25lIn0.e30.', /was not created by this castle/],
      ['a long one', `${word}.${'A'.repeat(3000)}.${mac}`, /was not created by this castle/],
      ["another castle's", await stranger.tokenOf(container, 'main'), /was not created by this castle/],
      ['by a key that was guessed', writeToken(randomBytes(32), claims), /was not created by this castle/],
      [
        'of a castle with a copy of the key',
        signed({ castle: randomUUID() }),
        /was created by another castle, or/,
      ],
      ['from before the host started', signed({ boot: randomUUID() }), /or before this host was booted$/],
      ['expired', signed({ fromMs: now - 2000, untilMs: now - 1000 }), /expired at \d{4}-/],
      ['not yet valid', signed({ fromMs: now + 60_000, untilMs: now + 90_000 }), /is not valid yet/],
      ['without claims', writeToken(key, {} as Claims), /was not created by this castle/],
      [
        'for a container that does not exist',
        signed({ container: 'pidns-1-1' }),
        /is for a container that does not exist$/,
      ],
      [
        'for a container by its name',
        signed({ container: `process-${await container.pid()}` }),
        /does not exist$/,
      ],
      ['for a process of the host', signed({ container: `pidns-1-${process.pid}` }), /does not exist$/],
      [
        'for an earlier process of that number',
        signed({ first: { pid: await container.pid(), startTicks: '1' } }),
        /is for an earlier run of container process-/,
      ],
    ];
    for (const [what, token, sentence] of cases) {
      t.match(await tls.lease(token, 'main', container.home), refused(sentence), what);
    }
    t.match(
      await tls.lease(await tls.tokenOf(other, 'theirs'), 'main', container.home),
      refused(/^the token for volume theirs is for volume theirs, not for main$/),
      'a token of another container',
    );
    t.same(await tls.castle.ask('volumes'), []);
    const lines = tls.castle.eventsNamed('lease.refused').length;
    t.ok(lines <= 10, `${lines} lines of the log for ${cases.length + 1} refusals`);
    t.notMatch(tls.castle.output, mac, 'the log has no token');
    t.equal((await tls.lease(right, 'main', container.home)).status, 201, 'the right token is accepted');
  });

  t.test(
    'a stolen token mounts the volume in the container of the token, not in that of the thief',
    async (t) => {
      const tls = await TlsCastle.start(t);
      const [owner, thief] = [
        await TestContainer.start(t, tls.castle),
        await TestContainer.start(t, tls.castle),
      ];
      const token = await tls.tokenOf(owner, 'main');
      t.match(await tls.lease(token, 'main', thief.home), { status: 201, body: { container: /^pidns-/ } });
      t.same(await thief.mounts(thief.home), []);
      t.equal((await owner.mounts(thief.home)).length, 1);
    },
  );

  t.test('a token is for one mount point, and its use is recorded before kill -9', async (t) => {
    const tls = await TlsCastle.start(t);
    const container = await TestContainer.start(t, tls.castle);
    const token = await tls.tokenOf(container, 'main');
    const later = join(container.home, 'later');
    t.match(
      await tls.lease(token, 'main', later),
      { status: 422 },
      'nothing is mounted, but the token is used',
    );
    t.match(await tls.lease(token, 'main', container.home), refused(/was already used for .*\/later$/));
    await tls.castle.end('SIGKILL');
    await tls.castle.serve();
    t.match(
      await tls.lease(token, 'main', container.home),
      refused(/was already used for .*\/later$/),
      'a replayed token is refused',
    );
    await container.run('mkdir', later);
    const { status, body } = await tls.lease(token, 'main', later);
    t.equal(status, 201, 'a repeated request with the token is the same use');
    await tls.castle.end('SIGKILL');
    await tls.castle.serve();
    t.match(
      await tls.lease(token, 'main', later),
      { status: 200, body: { id: body.id } },
      'a repeated request after a lost answer is the same use',
    );

    t.match(await tls.ask(token, 'DELETE', `/v1/leases/${body.id}`), { status: 204 });
    const spent = refused(/was used, and its lease released$/);
    t.match(await tls.lease(token, 'main', later), spent);
    await tls.castle.end('SIGKILL');
    await tls.castle.serve();
    for (const target of [later, container.home])
      t.match(await tls.lease(token, 'main', target), spent, 'a replayed token is refused');
    t.match(await tls.ask(token, 'GET', '/v1/leases'), spent);
    t.same(await tls.castle.ask('leases'), []);
  });

  t.test(
    'of two simultaneous requests with one token for different mount points, one succeeds',
    async (t) => {
      const tls = await TlsCastle.start(t);
      const container = await TestContainer.start(t, tls.castle);
      const token = await tls.tokenOf(container, 'main');
      await container.run('mkdir', join(container.home, 'a'), join(container.home, 'b'));
      const answers = await Promise.all(
        ['a', 'b'].map((name) => tls.lease(token, 'main', join(container.home, name))),
      );
      t.same(answers.map(({ status }) => status).sort(), [201, 403]);
    },
  );

  t.test('an expired token gets no lease, but releases the one it got before', async (t) => {
    const tls = await TlsCastle.start(t);
    const [container, other] = [
      await TestContainer.start(t, tls.castle),
      await TestContainer.start(t, tls.castle),
    ];
    // On a busy machine a token can expire before it is used; the next token then gets a longer life.
    let [seconds, used] = [1, ''];
    const { body } = await until('a token is used before it expires', async () => {
      used = await tls.tokenOf(container, 'main', '--ttl', `${seconds}s`);
      const answer = await tls.lease(used, 'main', container.home);
      seconds *= 2;
      return answer.status === 201 ? answer : undefined;
    });
    // This token expires after the other one.
    const unused = await tls.tokenOf(other, 'other', '--ttl', `${seconds}s`);
    const last = await until('the token has expired', async () => {
      const answer = await tls.ask(unused, 'GET', '/v1/leases');
      return answer.status === 403 ? answer : undefined;
    });
    t.match(last, refused(/ expired at /));
    t.match(await tls.lease(unused, 'other', other.home), refused(/ expired at /));
    t.match(await tls.lease(used, 'main', container.home), { status: 200 }, 'the lease is still active');
    t.match(await tls.ask(used, 'DELETE', `/v1/leases/${body.id}`), { status: 204 });
    t.match(await tls.lease(used, 'main', container.home), { status: 403 });

    t.equal((await tls.lease(await tls.tokenOf(container, 'main'), 'main', container.home)).status, 201);
    await tls.castle.end('SIGTERM');
    const store = openStore(tls.castle.state);
    const uses = store.tokenUses().map(({ volume, spent }) => ({ volume, spent: spent ?? false }));
    await store.close();
    t.same(uses, [{ volume: 'main', spent: false }], 'records of expired tokens are deleted');
  });

  t.test('a token is refused after its container has ended', async (t) => {
    const tls = await TlsCastle.start(t);
    const container = await TestContainer.start(t, tls.castle);
    const [token, other] = [await tls.tokenOf(container, 'main'), await tls.tokenOf(container, 'main')];
    t.equal((await tls.lease(token, 'main', container.home)).status, 201);
    await container.kill();
    await tls.castle.untilFree('main');
    for (const one of [token, other]) {
      t.match(
        await tls.lease(one, 'main', container.home),
        refused(/is for a container that does not exist$/),
      );
    }
  });

  t.test('castle token writes a file that only its owner can read', async (t) => {
    const tls = await TlsCastle.start(t);
    const container = await TestContainer.start(t, tls.castle);
    const name = `process-${await container.pid()}`;
    const folder = temporaryFolder(t, 'token');
    const file = join(folder, 'token');
    const elsewhere = join(folder, 'elsewhere');
    writeFileSync(elsewhere, 'precious');
    symlinkSync(elsewhere, file);
    const { code, stdout, stderr } = await tls.command(name, 'main', '--out', file, '--owner', '1000:1001');
    t.match({ code, stderr }, { code: 0, stderr: '' });
    t.match(stdout, new RegExp(`^token for container ${name} in ${file}, valid until .*Z\n$`));
    const { uid, gid, mode } = statSync(file);
    t.strictSame([uid, gid, mode & 0o777], [1000, 1001, 0o600]);
    t.equal(
      readFileSync(elsewhere, 'utf8'),
      'precious',
      'a symlink in place of the token file is not followed',
    );
    t.strictSame(readdirSync(folder).sort(), ['elsewhere', 'token'], 'no temporary file is left');
    const token = readFileSync(file, 'utf8').trim();
    t.match(readToken(tls.key.key, token), { volume: 'main', container: /^pidns-/ });
    t.match(tls.castle.eventsNamed('token.created'), [
      { volume: 'main', containerName: name, level: 'info' },
    ]);
    t.notMatch(tls.castle.output + stdout, token.slice(-40));
    t.equal(statSync(join(tls.castle.state, 'token.key')).mode & 0o777, 0o600);

    const wrong: [string, readonly string[], number, RegExp][] = [
      [
        'no such folder',
        [name, 'main', '--out', join(folder, 'none/token')],
        73,
        /cannot write the token to .*ENOENT/,
      ],
      ['no such container', ['nobody', 'main'], 64, /there is no container nobody/],
      ['no name', ['../main', 'main'], 64, /the request is wrong/],
      ['no volume name', [name, '../main'], 64, /volume name .* choose another name/],
      [
        'too short',
        [name, 'main', '--ttl', '1ms'],
        64,
        /--ttl 1ms is too short or too long; give a time from 1s to 24h/,
      ],
      [
        'too long',
        [name, 'main', '--ttl', '2d'],
        64,
        /--ttl 2d is too short or too long; give a time from 1s to 24h/,
      ],
      ['no time', [name, 'main', '--ttl', 'soon'], 64, /--ttl "soon" is not a duration/],
      ['a process of the host', [`process-${process.pid}`, 'main'], 64, /there is no container/],
    ];
    for (const [what, [containerName = '', volume = '', ...options], code, sentence] of wrong) {
      t.match(
        await tls.command(containerName, volume, ...options),
        { code, stdout: '', stderr: sentence },
        what,
      );
    }
    const answer = await container.call('POST', '/v1/tokens', {
      container: name,
      volume: 'main',
      ttlMs: 60_000,
    });
    t.match(answer, refused(/containers may not do this/));
    const silent = await CastleOnHost.start(t, 'process');
    t.match(await tokenCommand(silent, name, 'main'), {
      code: 64,
      stderr: /this castle does not listen with TLS; start it with --listen/,
    });
  });

  t.test('on a full disk the old token stays, and no partial one is written', async (t) => {
    const tls = await TlsCastle.start(t);
    const container = await TestContainer.start(t, tls.castle);
    const folder = temporaryFolder(t, 'full');
    const script = `mount -t tmpfs -o size=4k,nr_inodes=4 full ${folder} && cd ${folder} && echo old >token && "$@"; cat token; ls -A`;
    const args = ['token', '--container', `process-${await container.pid()}`, '--volume', 'main'];
    const command = [
      process.execPath,
      join(process.cwd(), 'dist/castle.js'),
      ...args,
      '--socket',
      tls.castle.socket,
    ];
    const ran = await run('unshare', ['--mount', 'sh', '-c', script, 'sh', ...command, '--out', 'token']);
    t.match(ran, { stderr: /^castle: cannot write the token to token: ENOSPC/, stdout: 'old\ntoken\n' });
  });

  t.test('a token key that other users can read, or that is invalid, is refused', async (t) => {
    const tls = await TlsCastle.start(t);
    const file = join(tls.castle.state, 'token.key');
    const before = readFileSync(file, 'utf8');
    await tls.castle.end('SIGTERM');
    await tls.castle.serve();
    t.equal(readFileSync(file, 'utf8'), before, 'the key is created once');
    await tls.castle.end('SIGTERM');
    const fails = async (code: number, sentence: RegExp) => {
      const ended = tls.castle.launch();
      await until('the castle has ended', () => (ended.exitCode === null ? undefined : true));
      t.equal(ended.exitCode, code, String(sentence));
      t.match(tls.castle.output, sentence);
    };
    chmodSync(file, 0o640);
    await fails(77, /other users may know the token key .*: it has mode 640 .*; move it away/);
    chmodSync(file, 0o600);
    chownSync(file, 1000, 1000);
    await fails(77, /belongs to uid 1000/);
    chownSync(file, 0, 0);
    writeFileSync(file, '{"castle": "x"}');
    await fails(74, /token\.key is not a token key; move it away/);
    copyFileSync(file, `${file}.elsewhere`);
    rmSync(file);
    symlinkSync(`${file}.elsewhere`, file);
    await fails(74, /cannot read the token key .*token\.key: ELOOP/);
    rmSync(file);
    mkdirSync(`${file}.new`);
    await fails(73, /cannot create the token key .*token\.key: /);
    renameSync(`${file}.new`, `${file}.folder`);
    writeFileSync(`${file}.new`, 'of a castle that was killed');
    await tls.castle.serve();
    t.not(readFileSync(file, 'utf8'), before, 'a new key is created after the old one was moved away');
  });
}
