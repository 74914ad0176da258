import { runCommandLine } from '../../terminal/command-line.ts';
import { runProgram } from '../../terminal/run-main.ts';
import { describeCastle } from './program.ts';

void runProgram('castle', async () => {
  await runCommandLine(describeCastle(), process.argv);
  return undefined;
});
