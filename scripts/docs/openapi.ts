import { buildServer } from '../../src/castle/api/server.ts';
import { captured } from './swagger-server-capture.ts';

/** The parts of an OpenAPI document that the tables use. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly summary?: string }>>>>;
}

/**
 * @returns the OpenAPI document of the castle's HTTP interface. The server never listens: only its routes are
 *   registered, and their handlers are not called.
 */
export async function openApi(): Promise<OpenApi> {
  await buildServer(anything() as Parameters<typeof buildServer>[0]);
  if (captured.app === undefined) throw new Error('buildServer() did not register @fastify/swagger');
  return captured.app.swagger() as unknown as OpenApi;
}

/** A value that can be called and has every property; each property is such a value too. */
function anything(): unknown {
  const value: unknown = new Proxy(() => undefined, {
    get: (_, name) => (name === 'then' || typeof name === 'symbol' ? undefined : value),
    apply: () => value,
  });
  return value;
}
