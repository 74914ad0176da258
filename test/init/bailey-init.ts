import { resolve } from 'node:path';

/** The bailey-init to test: that of the build in dist/, or another one that BAILEY_INIT names. */
export const bailey = resolve(process.env['BAILEY_INIT'] || 'dist/bailey-init');
