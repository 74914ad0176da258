declare const BAILEY_VERSION: string | undefined;

/** The version of the package; the build inserts it. */
export const version: string = typeof BAILEY_VERSION === 'string' ? BAILEY_VERSION : '0.0.0';
