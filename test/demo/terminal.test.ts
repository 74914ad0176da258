import t from 'tap';
import { pidNamespace, program, requires } from '../kit/needs.ts';
import { pty, terminal } from '../kit/terminal.ts';
import { DemoRun, demoCommand } from './demo-run.ts';

const columns = 60;

interface Shown {
  readonly code: number;
  readonly text: string;
}

/** Runs the demo on a terminal that is too narrow for its figures. */
function show(run: DemoRun, onText: (text: string) => string | undefined = () => undefined): Promise<Shown> {
  const [file = '', ...args] = demoCommand;
  const demo = pty?.spawn(file, args, { cols: columns, rows: 40, env: run.env });
  let [text, sent] = ['', false];
  demo?.onData((data) => {
    text += data;
    const keys = sent ? undefined : onText(text);
    if (keys === undefined) return;
    sent = true;
    demo.write(keys);
  });
  return new Promise((resolve) => demo?.onExit(({ exitCode }) => resolve({ code: exitCode, text })));
}

const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;

if (requires(t, pidNamespace, program('setpriv'), program('nsenter'), terminal)) {
  t.test('a terminal gets a live display that is updated in place', async (t) => {
    const demo = new DemoRun();
    const { code, text } = await show(demo);
    t.equal(code, 0);
    t.match(text, 'All checks passed.');
    const displays = count(text, /^ {2}zombies {2,}0 now, 0 at most/gm);
    t.ok(displays > 10, `${displays} displays were shown`);
    // The display of the container without bailey-init has three rows, or fewer while it has no zombie yet.
    const withoutInit = count(
      text,
      /^container 1.* of 8 s\x1b\[K\r?\n {2}orphans.*\r?\n {2}zombies {2,}0 now, 0 at most/gm,
    );
    t.equal(
      count(text, /\x1b\[6A\r/g),
      displays - withoutInit - 2,
      'each display replaces the one before it, except the first of each container',
    );
    const cursor = [text.lastIndexOf('\x1b[?25l'), text.lastIndexOf('\x1b[?25h')];
    t.ok((cursor[0] ?? 0) < (cursor[1] ?? 0), 'the cursor is visible at the end');
    const rows =
      text.match(/^ {2}(orphans|zombies|PID 1|java|node|storage) {2,}[^\x1b\r\n]*(?=\x1b\[K)/gm) ?? [];
    t.ok(rows.length > 50);
    t.same(
      rows.filter((row) => row.length >= columns),
      [],
      'no row wraps',
    );
    demo.expectNothingLeft(t);
  });

  for (const { keys, name, expected } of [
    { keys: '\x03', name: '^C', expected: 130 },
    { keys: '\x1c', name: '^\\', expected: 131 },
  ]) {
    t.test(`${name} at the terminal ends the demo, which cleans up`, async (t) => {
      const demo = new DemoRun();
      const { code, text } = await show(demo, (text) => (/ {2}zombies/.test(text) ? keys : undefined));
      t.equal(code, expected);
      t.match(text, 'Interrupted: cleaning up.');
      t.ok(text.lastIndexOf('\x1b[?25h') > text.lastIndexOf('\x1b[?25l'), 'the cursor is visible at the end');
      demo.expectNothingLeft(t);
    });
  }

  t.test('a dumb terminal gets plain lines', async (t) => {
    const demo = new DemoRun({ TERM: 'dumb' });
    const { text } = await show(demo, (text) => (/ of 8 s: orphans/.test(text) ? '\x03' : undefined));
    t.match(text, / of 8 s: orphans/);
    t.notMatch(text, '\x1b');
    demo.expectNothingLeft(t);
  });
}
