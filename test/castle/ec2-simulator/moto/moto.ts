import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import type { Test } from 'tap';
import { until } from '../../../kit/until.ts';
import type { Place } from './script.ts';

const region = 'eu-central-1';

/** Starts moto_server with one instance; it ends with the test. */
export async function startMoto(t: Test): Promise<Place> {
  const server = spawn('setpriv', ['--pdeathsig', 'TERM', 'moto_server', '-H', '127.0.0.1', '-p', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  t.teardown(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGTERM');
    await once(server, 'exit');
  });
  const endpoint = await until('moto_server says where it listens', () => {
    if (server.exitCode !== null) throw new Error(`it ended with ${server.exitCode}: ${said}`);
    return /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
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
