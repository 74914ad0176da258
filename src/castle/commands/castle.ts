import { runCommandLine } from '../../terminal/command-line.ts';
import { runProgram } from '../../terminal/run-main.ts';
import { describeCastle } from './program.ts';

void runProgram('castle', async () => {
  // An empty variable counts as not set; commander would take it for a value.
  if (process.env['CASTLE_SOCKET'] === '') delete process.env['CASTLE_SOCKET'];
  await runCommandLine(describeCastle(), process.argv);
  return undefined;
});
