import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';

/** The server that was built last, from which scripts/docs/openapi.ts reads the OpenAPI document. */
export const captured: { app?: FastifyInstance } = {};

/** Registers the real plug-in, and keeps the server. */
async function capturedSwagger(app: FastifyInstance, options: FastifyDynamicSwaggerOptions): Promise<void> {
  await app.register(swagger, options);
  captured.app = app;
}

// As fastify-plugin does: the routes belong to the server, not to a child scope.
Object.assign(capturedSwagger, { [Symbol.for('skip-override')]: true });

export default capturedSwagger;
