/** `castle doctor` reports what a host lacks for a castle, and changes nothing. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Finding } from '../../../src/castle/doctor/finding.ts';
import { run } from '../../kit/docker.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { program, requires, root } from '../../kit/needs.ts';
import { mounted } from '../kit/mounted.ts';

const doctor = ['dist/castle.js', 'doctor'];

/** The options for a castle with all its folders in one folder. */
const all = (folder: string, runtime = 'process') => [
  ...['--socket', join(folder, 'run/castle.sock'), '--state', join(folder, 'state')],
  ...['--backend', `local=${join(folder, 'volumes')}`, '--runtime', runtime],
];

async function findings(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly of: (what: string) => readonly Finding[] }> {
  const { code, stdout, stderr } = await run(process.execPath, [...doctor, '--json', ...args]);
  if (stdout === '') throw new Error(stderr);
  const found = JSON.parse(stdout) as readonly Finding[];
  return { code, of: (what) => found.filter((finding) => finding.what.startsWith(what)) };
}

if (requires(t, root, program('unshare'))) {
  t.test('on a complete host, the doctor reports nothing missing and changes nothing', async (t) => {
    const folder = temporaryFolder(t, 'doctor');
    const { code, stdout, stderr } = await run(process.execPath, [...doctor, ...all(folder)]);
    t.equal(code, 0, stdout + stderr);
    t.match(stdout, /^ok +kernel: Linux /m);
    t.match(stdout, /^ok +caller identity \(peer pidfd\): /m);
    t.match(stdout, /^ok +capabilities: uid 0 has all that the castle needs$/m);
    t.match(stdout, /^ok +mounting in a container: \/ was mounted .* and unmounted; a symlink was refused$/m);
    t.match(stdout, /^ok +end of a container \(pidfd\): the kernel reported it$/m);
    t.match(stdout, /^warning +runtime process: .*\n +outside development, use --runtime docker$/m);
    t.match(stdout, /^(ok|warning) +volumes in .*\/volumes: .*\d\.\d GiB of \d+\.\d free/m);
    t.notMatch(stdout, /^missing/m);
    t.same(readdirSync(folder), [], 'nothing was created');
    t.notMatch(readFileSync('/proc/self/mountinfo', 'utf8'), 'castle-doctor', 'nothing is mounted');
  });

  t.test('the doctor names each missing thing and its remedy', async (t) => {
    const folder = temporaryFolder(t, 'doctor');
    const state = join(folder, 'state');
    const volumes = join(folder, 'volumes');
    for (const made of [state, volumes, join(folder, 'run')]) mkdirSync(made);
    chmodSync(join(folder, 'run'), 0o777);
    mounted(t, volumes, '-t', 'tmpfs', '-o', 'ro', 'volumes');
    mounted(t, state, '-t', 'tmpfs', '-o', 'size=64k', 'state');
    writeFileSync(join(state, 'filler'), Buffer.alloc(64 * 1024));
    const { code, of } = await findings(
      ...all(folder, 'docker'),
      '--docker-socket',
      join(folder, 'none.sock'),
    );
    t.equal(code, 1);
    t.match(of('volumes in '), [
      { state: 'missing', found: `${volumes} is read-only`, remedy: /mount it writable/ },
    ]);
    t.match(of('state in '), [
      { state: 'missing', found: /^full: no space \(tmpfs, / },
      { state: 'warning', found: 'on tmpfs: lost when the host reboots' },
    ]);
    t.match(of('socket '), [
      {
        state: 'missing',
        found: /other users can write to its folder/,
        remedy: `chown root ${folder}/run && chmod 755`,
      },
    ]);
    t.match(of('container engine'), [
      {
        state: 'missing',
        found: /does not answer on .*none\.sock: .*ENOENT/,
        remedy: /start the engine, or set --docker/,
      },
    ]);
    t.match(of('mounting in a container'), [{ state: 'ok' }], 'a failed check does not prevent the others');
  });

  t.test('without root, the remedy is to run as root', async (t) => {
    const folder = temporaryFolder(t, 'doctor');
    // `env -i` removes tap's variables, which would make Node write coverage files owned by root.
    const alone = ['env', '-i', `PATH=${process.env['PATH']}`, process.execPath, ...doctor];
    const asUser = ['--reuid', '1000', '--regid', '1000', '--clear-groups', ...alone];
    const { code, stdout, stderr } = await run('setpriv', [...asUser, ...all(folder)]);
    t.equal(code, 1, stderr);
    t.match(
      stdout,
      /^missing +capabilities: uid 1000 lacks .*CAP_SYS_ADMIN .*\n +run the castle as root on the host$/m,
    );
    t.match(stdout, /^missing +mounting in a container: .*not permitted/m);
    t.match(stdout, /^missing +state in .*not writable/m);
  });

  t.test('for root without a capability, the remedy names the capability and how to get it', async (t) => {
    const without = (names: string) => {
      const drop = ['--bounding-set', names, '--inh-caps', names, process.execPath];
      return run('setpriv', [...drop, ...doctor, ...all(temporaryFolder(t, 'doctor'))]);
    };
    const { code, stdout } = await without('-sys_chroot');
    t.equal(code, 1);
    t.match(
      stdout,
      /^missing +capabilities: uid 0 lacks CAP_SYS_CHROOT \(.*\n +give the castle .*docker run --cap-add SYS_CHROOT; .*CapabilityBoundingSet=CAP_SYS_CHROOT /m,
    );
    t.match(stdout, /^missing +mounting in a container: .*\n +the castle needs .*CAP_SYS_CHROOT/m);
    t.notMatch(stdout, /lacks .*CAP_SYS_ADMIN/);
    const noMounts = await without('-sys_admin,-chown');
    t.equal(noMounts.code, 1);
    t.match(
      noMounts.stdout,
      /^missing +capabilities: .*\n +give the castle .*docker run --cap-add CHOWN --cap-add SYS_ADMIN;/m,
    );
    t.match(
      noMounts.stdout,
      /^missing +mounting in a container: .*\n +give the castle .*docker run --cap-add SYS_ADMIN;/m,
    );
    t.notMatch(stdout + noMounts.stdout, /run the castle as root/);
  });

  t.test('the doctor checks the needs of the backend loop', async (t) => {
    const folder = temporaryFolder(t, 'doctor');
    const volumes = join(folder, 'volumes');
    const loop = (options: string) => [...all(folder), '--backend', `loop=${volumes}${options}`];
    for (const type of ['ext4', 'xfs']) {
      const { of } = await findings(...loop(`,fs=${type},size=1G`));
      t.match(of('volumes in '), [{ what: `volumes in ${volumes}` }]);
      t.match([...of('loop devices'), ...of('tools of ')], [{}, { what: `tools of ${type}` }]);
    }
    const lacking = await run('env', ['PATH=/nowhere', process.execPath, ...doctor, ...loop(''), '--json']);
    t.equal(lacking.code, 1);
    t.match(
      (JSON.parse(lacking.stdout) as Finding[]).filter(({ what }) => what.startsWith('tools of ')),
      [{ state: 'missing', found: /^mkfs.ext4 cannot be run/, remedy: 'install e2fsprogs' }],
    );
    t.same(
      await findings(...all(folder)).then(({ of }) => of('tools of ')),
      [],
      'other backends need no tools',
    );
    t.match(await run(process.execPath, [...doctor, ...loop(',fs=ntfs')]), { code: 64, stderr: /fs=ext4/ });
  });

  t.test('wrong settings end the doctor with the exit codes of `castle serve`', async (t) => {
    const config = join(temporaryFolder(t, 'doctor'), 'castle.yaml');
    writeFileSync(config, 'sockets: /a\n');
    t.match(await run(process.execPath, [...doctor, '--config', config]), { code: 78, stderr: /sockets/ });
    t.match(await run(process.execPath, [...doctor, '--frobnicate']), { code: 64 });
  });
}
