import { writeSync } from 'node:fs';
import type { Command } from 'commander';
import { addCastleOptions, settingsOf } from './serve-options.ts';

/** `castle serve`: runs until SIGTERM, SIGINT, or SIGHUP, which a closed terminal sends. */
export function addServe(program: Command): void {
  const command = program.command('serve').description('run the castle of this host');
  addCastleOptions(command).action(async () => {
    const { log, ...settings } = await settingsOf(command);
    const [{ serve }, { openLog }] = await Promise.all([
      import('../daemon/serve.ts'),
      import('../events/log.ts'),
    ]);
    const castle = await serve(settings, openLog(log, writeLine));
    await firstSignal(['SIGTERM', 'SIGINT', 'SIGHUP']);
    await castle.stop();
  });
}

function writeLine(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // A closed or full standard error is no reason to stop.
  }
}

/** Waits for a signal, then removes the signal handlers, so that a second signal ends the process at once. */
function firstSignal(signals: readonly NodeJS.Signals[]): Promise<void> {
  return new Promise((resolve) => {
    const caught = () => {
      for (const signal of signals) process.off(signal, caught);
      resolve();
    };
    for (const signal of signals) process.on(signal, caught);
  });
}
