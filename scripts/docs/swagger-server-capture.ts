import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';

/** The server that was built last: scripts/docs/openapi.ts asks it for its OpenAPI document. */
export const captured: { app?: FastifyInstance } = {};

/** Registers the real plug-in, and keeps the server. */
async function capturedSwagger(app: FastifyInstance, options: FastifyDynamicSwaggerOptions): Promise<void> {
  await app.register(swagger, options);
  captured.app = app;
}

// As fastify-plugin does: what it registers belongs to the server, not to a scope below it.
Object.assign(capturedSwagger, { [Symbol.for('skip-override')]: true });

export default capturedSwagger;
