import { parseArgs } from 'node:util';
import { type InstanceType, instanceTypes } from './cloud/instance-types.ts';

export const usage = `usage: node build/test/castle/ec2-simulator/main.js --folder DIR [--port PORT] [--instances ID[=TYPE],...] [--region REGION]
Simulates the part of EC2 that deals with volumes; test/castle/ec2-simulator/README.md describes it.
  --folder DIR     volumes, snapshots, what each instance sees, and the state; on a file system that has devices
  --port PORT      of 127.0.0.1; 0, the default: any that is free
  --instances ...  default i-0a=m5.large; types: ${instanceTypes.map(({ name }) => name).join(', ')}
  --region REGION  default eu-central-1
`;

export interface Options {
  readonly folder: string;
  readonly port: number;
  readonly region: string;
  readonly instances: readonly { readonly id: string; readonly type: InstanceType }[];
}

/**
 * Reads the command line.
 * @throws Error that names the wrong option or value
 */
export function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      folder: { type: 'string' },
      port: { type: 'string', default: '0' },
      region: { type: 'string', default: 'eu-central-1' },
      instances: { type: 'string', default: 'i-0a' },
    },
  });
  const { folder, region } = values;
  if (folder === undefined) throw new Error('--folder is missing');
  const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : Number.NaN;
  if (!(port <= 65_535)) throw new Error(`--port ${values.port} is no port`);
  return { folder, port, region, instances: values.instances.split(',').map(instanceOf) };
}

function instanceOf(text: string) {
  const [id = '', name = 'm5.large'] = text.split('=');
  const type = instanceTypes.find((one) => one.name === name);
  if (!/^i-[0-9a-z]+$/.test(id))
    throw new Error(`--instances ${id}: an id is i- and then letters and digits`);
  if (type === undefined) throw new Error(`--instances ${text}: there is no type ${name} here`);
  return { id, type };
}
