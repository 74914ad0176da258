/** The backend nfs without a server: errors are reported before anything is changed. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../../../kit/docker.ts';
import { temporaryFolder } from '../../../kit/images.ts';

const hasClient = readFileSync('/proc/filesystems', 'utf8').includes('\tnfs4\n');

function castle(t: Test, command: string, backend: string, config?: string) {
  const folder = temporaryFolder(t, 'nfs');
  const state = join(folder, 'state');
  const args = ['--runtime', 'process', '--state', state, '--socket', join(folder, 'run', 'castle.sock')];
  const from = config === undefined ? ['--backend', backend] : ['--config', config];
  return { state, ran: run(process.execPath, ['dist/castle.js', command, ...args, ...from]) };
}

t.test('a wrong export or option is an error that shows the right form', async (t) => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /use local=DIR, loop=DIR.*, nfs=HOST:\/EXPORT/],
    ['server', /"server" is not an export; use nfs=HOST:\/EXPORT/],
    ['server:relative', /is not an export/],
    ['[10.0.0.1]:/x', /with an IPv6 address in brackets/],
    ['server:/x/../y', /not a path in its shortest form/],
    ['server:/x,vers=3', /no option "vers=3"; use vers=4.2 or vers=4.1/],
    ['server:/x,sec=krb5', /no option "sec=krb5"/],
    ['server:/x,addr=10.0.0.1', /no option "addr=10.0.0.1"; use one of vers, /],
    ['server:/x,sharecache', /no option "sharecache"/],
    ['server:/x,hard=1', /no option "hard=1"/],
    ['server:/x,constructor', /no option "constructor"/],
    ['server:/x,', /no option ""/],
  ];
  for (const [setting, why] of wrong) {
    const { state, ran } = castle(t, 'serve', `nfs=${setting}`);
    const { code, stderr } = await ran;
    t.equal(code, 64, setting);
    t.match(stderr, why);
    t.notOk(existsSync(state), 'nothing is created');
  }
});

t.test('the doctor reports a kernel without the NFS client, and a missing server', async (t) => {
  // No server listens on port 1.
  const { code, stdout } = await castle(t, 'doctor', 'nfs=127.0.0.1:/x,port=1').ran;
  t.equal(code, 1);
  t.match(
    stdout,
    hasClient ? /^missing .*NFS server: .*port 1/m : /^missing .*NFS client: .*no NFS client\n.*nfsv4/m,
  );
  t.notMatch(stdout, /volumes in/, 'an export is not treated as a folder of this host');
});

if (!hasClient) {
  t.test('a castle on a kernel without the NFS client does not start, and reports the reason', async (t) => {
    const { code, stderr } = await castle(t, 'serve', 'nfs=127.0.0.1:/x').ran;
    t.equal(code, 78);
    t.match(stderr, /this kernel has no NFS client; load the module nfsv4/);
  });
}

t.test('unlock requires --force and a backend with claims', async (t) => {
  const { code, stderr } = await run(process.execPath, ['dist/castle.js', 'volume', 'unlock', 'main']);
  t.equal(code, 64);
  t.match(stderr, /two hosts from writing.*add --force/);
});
