/** The live display on terminals that a test cannot create. */
import t from 'tap';
import { screenFor } from '../../demo/screen.ts';

t.test('a terminal of unknown size gets rows that are cut at 80 columns', (t) => {
  let text = '';
  const output = { write: (more: string) => (text += more), isTTY: true, columns: 0 };
  const screen = screenFor(output, Date.now, 'xterm');
  screen.live('title', [['label', 'value']]);
  t.match(text, 'title\x1b[K\n  label        value\x1b[K\n');
  t.end();
});
