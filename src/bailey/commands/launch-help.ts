/** Whether the only argument is a help option. */
export const isHelpRequest = ([first, ...more]: readonly string[]): boolean =>
  more.length === 0 && (first === '--help' || first === '-h');

/** Prints the help of a launch command; only this loads commander. */
export async function printLaunchHelp(command: 'jenkins' | 'agent'): Promise<undefined> {
  const { baileyProgram } = await import('./program.ts');
  const { runCommandLine } = await import('../../terminal/command-line.ts');
  await runCommandLine(baileyProgram(), ['node', 'bailey', 'help', command]);
}
