import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { Cloud } from './cloud/cloud.ts';
import { Settings } from './cloud/settings.ts';
import type { VolumeDevices } from './cloud/volume-devices.ts';
import { Fault } from './faults/fault.ts';
import type { Service } from './service.ts';
import { bodyOf } from './wire/body.ts';
import { Ec2Error } from './wire/errors.ts';

/**
 * The interface through which tests control the simulator: JSON below `/control/`. README.md has the table.
 */
export class Control {
  readonly #cloud: Cloud;
  readonly #devices: VolumeDevices;
  readonly #service: Service;

  constructor(cloud: Cloud, devices: VolumeDevices, service: Service) {
    this.#cloud = cloud;
    this.#devices = devices;
    this.#service = service;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const text = await bodyOf(request);
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      const answer = await this.#do(`${request.method} ${request.url}`, body);
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(answer ?? {}));
    } catch (thrown) {
      const status = thrown instanceof Ec2Error ? thrown.status : 400;
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ error: thrown instanceof Error ? thrown.message : String(thrown) }));
    }
  }

  async #do(order: string, body: unknown): Promise<unknown> {
    const { faults, state } = this.#cloud;
    switch (order) {
      case 'GET /control/settings':
        return this.#cloud.settings;
      case 'PATCH /control/settings':
        this.#cloud.settings = parse(Settings, merged(this.#cloud.settings, body));
        this.#service.buckets.refill();
        return this.#cloud.settings;
      case 'GET /control/faults':
        return faults.list();
      case 'POST /control/faults':
        return { id: faults.add(parse(Fault, body)) };
      case 'DELETE /control/faults':
        return faults.clear();
      case 'GET /control/calls':
        return this.#service.calls.list();
      case 'DELETE /control/calls':
        return this.#service.calls.clear();
      case 'GET /control/facts':
        return state.current;
    }
    const [, verb, what, id = '', act] =
      /^(\w+) \/control\/(faults|volumes)\/([\w-]+)(?:\/(\w+))?$/.exec(order) ?? [];
    if (verb === 'DELETE' && what === 'faults' && faults.remove(id)) return {};
    if (
      verb === 'POST' &&
      what === 'volumes' &&
      act === 'vanish' &&
      state.current.volumes[id] !== undefined
    ) {
      return this.#vanish(id);
    }
    throw new Ec2Error('NotFound', `There is no ${order}.`, 404);
  }

  /** Deletes a volume with all its data while it may be in use. */
  async #vanish(id: string): Promise<void> {
    this.#cloud.state.removeVolume(id);
    await this.#cloud.disks.removeVolume(id);
    await this.#devices.detachByForce(id);
  }
}

/** @throws Error that names the invalid fields */
function parse<T extends TSchema>(schema: T, value: unknown) {
  if (Value.Check(schema, value)) return value;
  const wrong = Value.Errors(schema, value).map(
    ({ instancePath, message }) => `${instancePath || '/'}: ${message}`,
  );
  throw new Error(wrong.join('; '));
}

/** The settings, overridden by those in a patch. */
function merged(before: unknown, patch: unknown): unknown {
  const isRecord = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isRecord(before) || !isRecord(patch)) return patch;
  return Object.fromEntries(
    [...new Set([...Object.keys(before), ...Object.keys(patch)])].map((key) => [
      key,
      key in patch ? merged(before[key], patch[key]) : before[key],
    ]),
  );
}
