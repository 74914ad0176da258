/** Returns the remedy for a wrong command line. @param helpCommand prints the usage, for example `bailey zombies --help` */
export const usageHint = (helpCommand: string): string => `for usage, run: ${helpCommand}`;
