import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import type { Test } from 'tap';
import type { Need } from '../../../kit/needs.ts';
import { until } from '../../../kit/until.ts';
import type { Place } from './script.ts';

const region = 'eu-central-1';

/** The release that differences.ts describes: other releases answer differently. */
const release = '5.2.5';

/** moto_server in that release, by the version of its Python package. */
export function motoServer(): Need {
  const found = spawnSync('sh', ['-c', 'readlink -f "$(command -v moto_server)"'], {
    encoding: 'utf8',
  }).stdout;
  if (found.trim() === '') return 'needs moto_server on the PATH';
  // pip writes a script whose first line names the Python that has the package. A shim of pyenv has a Python in its folder.
  const [first = ''] = readFileSync(found.trim(), 'utf8').split('\n');
  const python = /python[\d.]*$/.test(first) ? first.replace(/^#!\s*/, '') : 'python3';
  const question = 'from importlib.metadata import version; print(version("moto"))';
  const { stdout } = spawnSync(python, ['-c', question], { encoding: 'utf8' });
  return stdout?.trim() === release
    ? undefined
    : `needs moto ${release} (pip install 'moto[server,ec2]==${release}'), not ${stdout?.trim() || 'an unknown one'}`;
}

/** Starts moto_server with one instance; it ends with the test. */
export async function startMoto(t: Test): Promise<Place> {
  const server = spawn('setpriv', ['--pdeathsig', 'TERM', 'moto_server', '-H', '127.0.0.1', '-p', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  t.teardown(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGTERM');
    await once(server, 'exit');
  });
  const endpoint = await until('moto_server prints its address', () => {
    if (server.exitCode !== null) throw new Error(`it ended with ${server.exitCode}: ${output}`);
    return /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1];
  });
  const client = new EC2Client({
    ...{ endpoint, region, maxAttempts: 1 },
    credentials: { accessKeyId: 'AKIASIMULATOR', secretAccessKey: 'simulator' },
  });
  t.teardown(() => client.destroy());
  const zone = `${region}a`;
  const { Instances: [instance] = [] } = await client.send(
    new RunInstancesCommand({
      ...{ ImageId: 'ami-12c6146b', MinCount: 1, MaxCount: 1, InstanceType: 'm5.large' },
      Placement: { AvailabilityZone: zone },
    }),
  );
  return { client, zone, instance: instance?.InstanceId as string };
}
