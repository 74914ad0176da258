import { buildServer } from '../../src/castle/api/server.ts';
import { captured } from './swagger-server-capture.ts';

/** The parts of an OpenAPI document that the tables use. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly summary?: string }>>>>;
}

/**
 * @returns the OpenAPI document of the castle's HTTP interface. The server is built and never listens: its routes are
 *   registered, and nothing that they would call is needed.
 */
export async function openApi(): Promise<OpenApi> {
  await buildServer(anything() as Parameters<typeof buildServer>[0]);
  if (captured.app === undefined) throw new Error('buildServer() did not register @fastify/swagger');
  return captured.app.swagger() as unknown as OpenApi;
}

/** A value that can be called, and whose every property is such a value too. */
function anything(): unknown {
  const value: unknown = new Proxy(() => undefined, {
    get: (_, name) => (name === 'then' || typeof name === 'symbol' ? undefined : value),
    apply: () => value,
  });
  return value;
}
