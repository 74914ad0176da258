/** etc/castle.service: its capabilities, and its check by systemd. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import * as docker from '../kit/docker.ts';
import { temporaryFolder } from '../kit/images.ts';
import { program, requires, root } from '../kit/needs.ts';

const service = readFileSync('etc/castle.service', 'utf8');

t.test('the capabilities in the service file are enough to mount', async (t) => {
  if (!requires(t, root, program('setpriv'))) return;
  const [, line = ''] = /^CapabilityBoundingSet=(.*)$/m.exec(service) ?? [];
  const kept = line
    .split(' ')
    .map((name) => `+${name.replace(/^CAP_/, '').toLowerCase()}`)
    .join(',');
  const folder = temporaryFolder(t, 'doctor');
  const { code, stdout, stderr } = await docker.run('setpriv', [
    ...['--no-new-privs', '--bounding-set', `-all,${kept}`, '--inh-caps', '-all', process.execPath],
    ...['dist/castle.js', 'doctor', '--runtime', 'process', '--socket', join(folder, 'run/castle.sock')],
    ...['--state', join(folder, 'state'), '--backend', `local=${join(folder, 'volumes')}`],
  ]);
  t.equal(code, 0, stdout + stderr);
  t.match(stdout, /^ok +capabilities: /m);
  t.match(stdout, /^ok +mounting in a container: /m);
});

t.test('systemd-analyze accepts the service file', async (t) => {
  if (!requires(t, program('systemd-analyze'))) return;
  const folder = temporaryFolder(t, 'systemd');
  const file = join(folder, 'castle.service');
  // systemd-analyze also checks that the program exists.
  writeFileSync(file, service.replace(/^ExecStart=\S+ \S+/m, 'ExecStart=/bin/true'));
  const { code, stdout, stderr } = await docker.run('systemd-analyze', ['verify', file]);
  t.match({ code, output: stdout + stderr }, { code: 0, output: '' });
});
