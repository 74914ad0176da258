import { writeSync } from 'node:fs';
import type { Command } from 'commander';
import { addCastleOptions, type CastleOptions, settingsOf } from './serve-options.ts';

/** `castle serve`: runs until SIGTERM or SIGINT. */
export function addServe(program: Command): void {
  const command = program.command('serve').description('serve the containers of this host');
  addCastleOptions(command).action(async (options: CastleOptions) => {
    const { log, ...settings } = await settingsOf(command, options);
    const [{ serve }, { openLog }] = await Promise.all([
      import('../daemon/serve.ts'),
      import('../events/log.ts'),
    ]);
    const castle = await serve(settings, openLog(log, writeLine));
    await firstSignal(['SIGTERM', 'SIGINT']);
    await castle.stop();
  });
}

function writeLine(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // nobody listens, or nobody reads: no reason to stop
  }
}

/** A second signal, when stopping takes too long for somebody, ends us at once: the handlers are gone by then. */
function firstSignal(signals: readonly NodeJS.Signals[]): Promise<void> {
  return new Promise((resolve) => {
    const caught = () => {
      for (const signal of signals) process.off(signal, caught);
      resolve();
    };
    for (const signal of signals) process.on(signal, caught);
  });
}
