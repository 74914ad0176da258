declare const BAILEY_VERSION: string | undefined;

/** The package's version; the build writes it in. */
export const version: string = typeof BAILEY_VERSION === 'string' ? BAILEY_VERSION : '0.0.0';
