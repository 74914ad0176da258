import { describeCastle } from './castle-program.ts';
import { runCommandLine } from './command-line.ts';
import { inFrame } from './frame.ts';

void inFrame('castle', async () => {
  await runCommandLine(describeCastle(), process.argv);
  return undefined;
});
