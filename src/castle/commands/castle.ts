import { runCommandLine } from '../../terminal/command-line.ts';
import { inFrame } from '../../terminal/run-program.ts';
import { describeCastle } from './program.ts';

void inFrame('castle', async () => {
  await runCommandLine(describeCastle(), process.argv);
  return undefined;
});
