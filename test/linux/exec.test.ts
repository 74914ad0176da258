/** The addon's exec restores what Node and its programs have changed. */
import { resolve } from 'node:path';
import t from 'tap';
import { program, requires } from '../kit/needs.ts';
import { Terminal, terminal } from '../kit/terminal.ts';

if (requires(t, terminal, program('stty'))) {
  t.test("the addon's exec restores the modes of the terminal", async (t) => {
    const become = (before: string) => `
      const { exec } = require(${JSON.stringify(resolve('dist/addon.node'))});
      ${before}
      exec('/bin/sh', ['sh', '-c', 'stty -a; echo over; exit 3']);`;
    for (const before of ['', 'process.stdin.setRawMode(true);']) {
      const screen = new Terminal(t, [process.execPath, '-e', become(before)]);
      await screen.shows('over');
      t.match(screen.text, / icanon /, before);
      t.match(screen.text, / echo /, before);
      t.equal(await screen.ended(), 3);
    }
  });
}
