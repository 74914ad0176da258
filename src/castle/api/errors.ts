import type { FastifyError } from 'fastify';
import { volumeNameFault } from '../../protocol/volume-name.ts';
import { errorCode, errorMessage } from '../../terminal/failure.ts';
import type { EmitEvent } from '../events/event.ts';
import { isOutOfResources, outOfResources } from '../refusals/out-of-resources.ts';
import { badVolumeName, RefusalError } from '../refusals/refusal.ts';

/** What to look at when a request was wrong. */
const see = 'see /v1/openapi.json';

/**
 * Every error that a request can lead to, in the documented form.
 * @param say tells people of what was not foreseen
 */
export function refusalOf(error: FastifyError | RefusalError, body: unknown, emit: EmitEvent): RefusalError {
  if (error instanceof RefusalError) return error;
  if (isOutOfResources(error)) return outOfResources(error);
  const name = error.validation === undefined ? undefined : wrongVolumeName(body);
  if (name !== undefined) return name;
  const status = error.statusCode ?? 500;
  if (status < 500) return badRequest(error.message, status);
  const why = errorMessage(error);
  emit(`unexpected error: ${why}`, { event: 'castle.fault' });
  return new RefusalError('internal', `the castle failed: ${why}`, 'see the log of the castle');
}

/** A request that was not understood. @param status the HTTP status that says it best */
export function badRequest(why: string, status: number): RefusalError {
  return new RefusalError('bad_request', `the request is wrong: ${why}`, see, { status });
}

/** What Node's parser could make no request of. */
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

/** A wrong volume name gets the sentence that says what is wrong with it, not the one that quotes the pattern. */
function wrongVolumeName(body: unknown): RefusalError | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const volume = 'volume' in body ? body.volume : 'name' in body ? body.name : undefined;
  const fault = typeof volume === 'string' ? volumeNameFault(volume) : undefined;
  return fault === undefined ? undefined : badVolumeName(String(volume), fault);
}
