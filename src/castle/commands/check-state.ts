import type { Command } from 'commander';
import { errorMessage } from '../../terminal/failure.ts';

/** `castle check-state`: reads a store, and may die of it. The castle runs it at its start; people have no use for it. */
export function addCheckState(program: Command): void {
  program.command('check-state <dir>', { hidden: true }).action(async (folder: string) => {
    const { readThrough } = await import('../store/store.ts');
    try {
      readThrough(folder);
    } catch (thrown) {
      process.stderr.write(`${errorMessage(thrown)}\n`);
      process.exitCode = 1;
    }
  });
}
