const substitutable = /\.(?:xml|conf|properties|groovy)$/;

/** Whether variables are substituted in a file of this name: text configuration, never archives. */
export const isSubstitutable = (path: string): boolean => substitutable.test(path);

/**
 * Substitutes variables: `${NAME}` and `${NAME:-default}` (when NAME is not set or empty, as in a shell).
 * `${NAME}` of an unset variable is left unchanged: Groovy and Jenkins use the same notation.
 * @param content in any superset of ASCII; other bytes are not changed
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
