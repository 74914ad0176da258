/**
 * The file name of an agent.jar that was fetched: java's command line shows it, and `bailey health` knows an agent by it.
 * @param contentHash 32 hexadecimal digits
 */
export const fetchedJarName = (contentHash: string): string => `agent-${contentHash}.jar`;

/** Whether a file has such a name. */
export const isFetchedJarName = (name: string): boolean => /^agent-[0-9a-f]{32}\.jar$/.test(name);
