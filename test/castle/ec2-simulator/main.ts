/**
 * Runs the EC2 simulator as a program. When it is ready, it prints one line of JSON: the API's URL and, for each instance,
 * the URL of its metadata service and the folder with its /sys and /dev. SIGTERM or SIGINT ends it and frees its loop
 * devices.
 */
import { existsSync, mkdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Cloud, type Instance } from './cloud/cloud.ts';
import { VolumeDevices } from './cloud/volume-devices.ts';
import { Control } from './control.ts';
import { HostTree } from './machine/host.ts';
import { Metadata } from './metadata.ts';
import { type Options, optionsOf, usage } from './options.ts';
import { Service } from './service.ts';
import { addRootVolumes, recoverAtStart } from './startup-recovery.ts';

/** The line that is printed at the start. */
export interface Announcement {
  readonly url: string;
  readonly region: string;
  readonly instances: Readonly<
    Record<
      string,
      { readonly metadata: string; readonly host: string; readonly zone: string; readonly type: string }
    >
  >;
}

async function serve(options: Options): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('only root can make loop devices and device nodes');
  // Not recursive: below /proc, Node's recursive mkdir never returns.
  if (!existsSync(options.folder)) mkdirSync(options.folder);
  const folder = realpathSync(options.folder);
  const instances = options.instances.map(({ id, type }): Instance => {
    const tree = join(folder, 'hosts', id);
    return { id, type, zone: `${options.region}a`, folder: tree, host: new HostTree(tree) };
  });
  // A fixed path to the tree of the first instance, for tests with only one.
  rmSync(join(folder, 'host'), { force: true });
  symlinkSync(join('hosts', instances[0]?.id ?? ''), join(folder, 'host'));
  const cloud = new Cloud(folder, options.region, instances);
  const devices = new VolumeDevices(cloud);
  await recoverAtStart(cloud, devices);
  await addRootVolumes(cloud, devices);

  const service = new Service(cloud, devices);
  const control = new Control(cloud, devices, service);
  const api = await listen(options.port, (request, response) => {
    const isControl = request.url?.startsWith('/control/');
    const handled = (isControl ? control : service).handle(request, response);
    handled.catch((thrown) => {
      console.error('ec2:', thrown);
      request.socket.destroy();
    });
  });
  const servers = [api];
  const announced: Record<string, Announcement['instances'][string]> = {};
  for (const instance of instances) {
    const metadata = new Metadata(cloud, instance);
    const server = await listen(0, (request, response) => metadata.handle(request, response));
    servers.push(server);
    const { folder: host, zone, type } = instance;
    announced[instance.id] = { metadata: urlOf(server), host, zone, type: type.name };
  }
  const announcement: Announcement = { url: urlOf(api), region: options.region, instances: announced };
  process.stdout.write(`${JSON.stringify(announcement)}\n`);

  await new Promise((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve));
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  await cloud.end();
  await devices.end();
}

function listen(
  port: number,
  handle: RequestListener<typeof IncomingMessage, typeof ServerResponse>,
): Promise<Server> {
  const server = createServer(handle);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const wordsOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

let options: Options;
try {
  options = optionsOf(process.argv.slice(2));
} catch (thrown) {
  process.stderr.write(`ec2: ${wordsOf(thrown)}\n${usage}`);
  process.exit(64);
}
try {
  await serve(options);
} catch (thrown) {
  process.stderr.write(`ec2: ${wordsOf(thrown)}\n`);
  process.exit(1);
}
