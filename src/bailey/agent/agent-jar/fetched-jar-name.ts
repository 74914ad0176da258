/**
 * Returns the file name of a fetched agent.jar. `bailey health` recognizes an agent by it on java's command line.
 * @param contentHash 32 hexadecimal digits
 */
export const fetchedJarName = (contentHash: string): string => `agent-${contentHash}.jar`;

/** Whether a file name is the name of a fetched agent.jar. */
export const isFetchedJarName = (name: string): boolean => /^agent-[0-9a-f]{32}\.jar$/.test(name);
