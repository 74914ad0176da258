import { resolve } from 'node:path';

/** The bailey-init to test: the one that the build made, or another build of it that BAILEY_INIT names. */
export const bailey = resolve(process.env['BAILEY_INIT'] || 'dist/bailey-init');
