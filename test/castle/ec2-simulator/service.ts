import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { actions } from './actions/actions.ts';
import type { Cloud } from './cloud/cloud.ts';
import type { VolumeDevices } from './cloud/volume-devices.ts';
import { type CallMade, Calls } from './faults/calls.ts';
import type { Subject } from './faults/faults.ts';
import { RateLimits } from './faults/rate-limits.ts';
import { bodyOf } from './wire/body.ts';
import { Ec2Error } from './wire/errors.ts';
import { Parameters } from './wire/parameters.ts';
import { checkSignature } from './wire/signature.ts';
import { answerOf, errorOf } from './wire/xml.ts';

/** The newest version of the EC2 API. */
const version = '2016-11-15';

/** An answer before it is sent; a fault may delay, lose or damage it. */
interface Answer {
  readonly status: number;
  readonly text: string;
  readonly code: string;
  readonly requestId: string;
}

/** The API: `POST /` with a form, answered in XML. */
export class Service {
  readonly calls = new Calls();
  readonly buckets = new RateLimits();
  readonly #cloud: Cloud;
  readonly #devices: VolumeDevices;

  constructor(cloud: Cloud, devices: VolumeDevices) {
    this.#cloud = cloud;
    this.#devices = devices;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parameters = new Parameters(new URLSearchParams(await bodyOf(request)));
    const subject = subjectOf(parameters);
    const call = this.calls.note(subject.action, parameters.entries());
    const { faults } = this.#cloud;
    if (faults.take('lost-request', subject) !== undefined) {
      call.outcome = 'lost-request';
      request.socket.destroy();
      return;
    }
    const slow = faults.take('slow', subject);
    if (slow !== undefined && !(await this.#cloud.wait(slow.ms))) return;
    const answer = await this.#answer(request, parameters, subject);
    call.outcome = answer.code;
    this.#send(answer, subject, call, response);
  }

  async #answer(request: IncomingMessage, parameters: Parameters, subject: Subject): Promise<Answer> {
    const requestId = randomUUID();
    try {
      checkSignature(request.headers, this.#cloud.region, this.#cloud.clock);
      const content = await this.#act(parameters, subject);
      return { status: 200, text: answerOf(subject.action, requestId, content), code: 'ok', requestId };
    } catch (thrown) {
      if (!(thrown instanceof Ec2Error)) console.error(`ec2: ${subject.action}:`, thrown);
      const { code, message, status } =
        thrown instanceof Ec2Error
          ? thrown
          : new Ec2Error('InternalError', `The simulator has a fault: ${String(thrown)}`, 500);
      return { status, text: errorOf(code, message, requestId), code, requestId };
    }
  }

  async #act(parameters: Parameters, subject: Subject) {
    const cloud = this.#cloud;
    if (!this.buckets.take(subject.action, parameters, cloud.settings.throttling)) {
      throw new Ec2Error('RequestLimitExceeded', 'Request limit exceeded.', 503);
    }
    const fault = cloud.faults.take('error', subject);
    if (fault !== undefined) {
      throw new Ec2Error(fault.code, fault.message ?? 'The test requested this error.', fault.status);
    }
    if (parameters.text('Version') !== version) {
      throw new Ec2Error('NoSuchVersion', `The version of the API is ${version}.`);
    }
    const action = actions.get(subject.action);
    if (action === undefined) {
      throw new Ec2Error('InvalidAction', `The action ${subject.action} is not valid for this web service.`);
    }
    for (const name of parameters.names()) {
      if (name === 'Action' || name === 'Version' || action.names.includes(name)) continue;
      throw new Ec2Error('UnknownParameter', `The parameter ${name} is not recognized`);
    }
    if (parameters.flag('DryRun') === true) {
      throw new Ec2Error('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
    }
    return action.act({ cloud, devices: this.#devices, parameters, seen: cloud.view(), subject });
  }

  #send(
    { status, text, code, requestId }: Answer,
    subject: Subject,
    call: CallMade,
    response: ServerResponse,
  ): void {
    const { faults, clock } = this.#cloud;
    const isDone = code === 'ok';
    if (isDone && faults.take('lost-answer', subject) !== undefined) {
      call.outcome = 'lost-answer';
      response.socket?.resetAndDestroy();
      return;
    }
    // The client corrects its clock by this header.
    response.setHeader('Date', new Date(clock).toUTCString());
    response.setHeader('x-amzn-requestid', requestId);
    response.writeHead(status, {
      'Content-Type': 'text/xml;charset=UTF-8',
      'Content-Length': Buffer.byteLength(text),
    });
    if (isDone && faults.take('malformed-answer', subject) !== undefined) {
      call.outcome = 'malformed-answer';
      // The content has the announced length, but is no XML document.
      response.end(text.replaceAll('</', '<<'));
    } else if (isDone && faults.take('truncated-answer', subject) !== undefined) {
      call.outcome = 'truncated-answer';
      response.write(text.slice(0, text.length / 2), () => response.socket?.destroy());
    } else {
      response.end(text);
    }
  }
}

function subjectOf(parameters: Parameters): Subject {
  const idsOf = (name: string) => {
    const one = parameters.text(name);
    return [...(one === undefined ? [] : [one]), ...parameters.list(name)];
  };
  return {
    action: parameters.text('Action') ?? '',
    volumes: idsOf('VolumeId'),
    instances: idsOf('InstanceId'),
  };
}
