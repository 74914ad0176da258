import type { FastifyError } from 'fastify';
import { volumeNameFault } from '../../protocol/volume-name.ts';
import { errorCode, errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import { isOutOfResources, outOfResources } from '../refusals/out-of-resources.ts';
import { badVolumeName, RefusalError } from '../refusals/refusal.ts';

/** The remedy for a wrong request. */
const see = 'see /v1/openapi.json';

/**
 * Converts any error of a request into the documented form. Logs an unexpected error.
 */
export function refusalOf(error: FastifyError | RefusalError, body: unknown, emit: EmitEvent): RefusalError {
  if (error instanceof RefusalError) return error;
  if (isOutOfResources(error)) return outOfResources(error);
  const name = error.validation === undefined ? undefined : wrongVolumeName(body);
  if (name !== undefined) return name;
  const status = error.statusCode ?? 500;
  if (status < 500) return badRequest(unknownField(error) ?? error.message, status);
  const reason = errorMessage(error);
  emit(`unexpected error: ${reason}`, { event: 'castle.fault' });
  return new RefusalError('internal', `the castle failed: ${reason}`, 'see the log of the castle');
}

/** Names an unknown field of a request. The validator's message would not name it. */
function unknownField({ validation, validationContext }: FastifyError): string | undefined {
  const fault = validation?.find(({ keyword }) => keyword === 'additionalProperties');
  const names = fault?.params['additionalProperties'];
  if (!Array.isArray(names)) return undefined;
  const fields = names.map((name) => JSON.stringify(name)).join(', ');
  return `${validationContext ?? 'body'}${fault?.instancePath ?? ''} has unknown fields: ${fields}`;
}

/** A wrong request. @param status the HTTP status that fits best */
export function badRequest(reason: string, status: number): RefusalError {
  return new RefusalError('bad_request', `the request is wrong: ${reason}`, see, { status });
}

/** Returns the refusal for a request that Node's HTTP parser rejects. */
export function unreadable(error: Error): RefusalError {
  switch (errorCode(error)) {
    case 'HPE_HEADER_OVERFLOW':
      return badRequest('its headers are too large', 431);
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return badRequest('it did not arrive in time', 408);
    default:
      return badRequest(error.message, 400);
  }
}

/** Returns the refusal for a wrong volume name. Its message explains the fault; the validator would only quote a pattern. */
function wrongVolumeName(body: unknown): RefusalError | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const volume = 'volume' in body ? body.volume : 'name' in body ? body.name : undefined;
  const fault = typeof volume === 'string' ? volumeNameFault(volume) : undefined;
  return fault === undefined ? undefined : badVolumeName(String(volume), fault);
}
