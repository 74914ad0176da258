const substitutable = /\.(?:xml|conf|properties|groovy)$/;

/** Whether variables are put into a file of this name: configuration in text, never archives. */
export const isSubstitutable = (path: string): boolean => substitutable.test(path);

/**
 * Puts variables into a text: `${NAME}` and `${NAME:-default}` (when NAME is not set or empty, as in a shell).
 * `${NAME}` of a variable that is not set stays as it is: Groovy and Jenkins use the same notation for their own.
 * @param content any encoding whose ASCII is ASCII: the other bytes are kept as they are
 */
export function substituteVariables(
  content: Buffer,
  env: Readonly<Record<string, string | undefined>>,
): Buffer {
  // latin1 maps every byte to one character and back.
  const text = content.toString('latin1');
  const filled = text.replace(
    /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g,
    (whole, name: string, fallback?: string) => {
      const value = env[name];
      if (fallback !== undefined && (value === undefined || value === '')) return fallback;
      return value === undefined ? whole : Buffer.from(value, 'utf8').toString('latin1');
    },
  );
  return Buffer.from(filled, 'latin1');
}
