/** The output of commands on a terminal: colors, and `--watch`, which restores the terminal at its end. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connectTo } from '../../../src/protocol/http.ts';
import { clip } from '../../../src/terminal/screen.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { requires, root } from '../../kit/needs.ts';
import { Terminal, terminal } from '../../kit/terminal.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';

const alternateScreen = '\x1b[?1049h';
const normalScreen = '\x1b[?1049l';
const [hideCursor, showCursor] = ['\x1b[?25l', '\x1b[?25h'];

t.test('a text is clipped to the window, without counting colors', async (t) => {
  const end = '\x1b[K';
  t.equal(clip('one\ntwo\n', 80, 24), `one${end}\r\ntwo${end}`);
  t.equal(clip('123456\n', 4, 24), `1234${end}`);
  t.equal(clip('\x1b[32m123456\x1b[0m\n', 4, 24), `\x1b[32m1234\x1b[0m${end}`);
  t.equal(clip('1\n2\n3\n4\n', 80, 3), `1${end}\r\n2${end}\r\n… 2 more lines${end}`);
});

if (requires(t, root, terminal)) {
  const createVolumes = async (castle: CastleOnHost, count: number) => {
    const call = await connectTo({ kind: 'unix', socketPath: castle.socket }, () => ({}));
    for (let n = 10; n < 10 + count; n++) {
      const body = { name: `volume-${n}`, uid: 0, gid: 0 };
      const { status } = await call('POST', '/v1/volumes', { body });
      if (status !== 201) throw new Error(`HTTP ${status}`);
    }
  };
  const watching = (t: Test, castle: CastleOnHost, env = {}) =>
    new Terminal(
      t,
      [process.execPath, 'dist/castle.js', 'volumes', '--watch', '0.2', '--socket', castle.socket],
      { TERM: 'xterm', ...env },
    );

  t.test('--watch uses the alternate screen, clips to the window, and follows its size', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    await createVolumes(castle, 30);
    const shown = watching(t, castle);
    await shown.shows('… 8 more lines');
    t.match(shown.text, alternateScreen);
    t.match(shown.text, hideCursor);
    t.notMatch(shown.text, '\x1b[3J', 'the scrollback is not erased');
    t.notMatch(shown.text, 'volume-39');
    shown.resize(80, 40);
    await shown.shows('volume-39');
    shown.resize(20, 5);
    await shown.shows('… 27 more lines');
    for (const line of shown.text.slice(shown.text.lastIndexOf('\x1b[H')).split(/\r*\n/)) {
      t.ok(line.replace(/\x1b\[[?0-9;]*[A-Za-z]/g, '').length <= 20, JSON.stringify(line));
    }
    shown.type('\x03');
    t.equal(await shown.ended(), 130, 'SIGINT ends it');
    t.ok(shown.text.lastIndexOf(normalScreen) > shown.text.lastIndexOf(alternateScreen));
    t.ok(shown.text.lastIndexOf(showCursor) > shown.text.lastIndexOf(hideCursor));
  });

  for (const [how, end, code] of [
    ['SIGTERM', (shown: Terminal) => process.kill(shown.pid, 'SIGTERM'), 143],
    ['the end of the castle', (_: Terminal, castle: CastleOnHost) => void castle.end('SIGKILL'), 69],
  ] as const) {
    t.test(`the terminal is restored after ${how}`, async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      const shown = watching(t, castle);
      await shown.shows('no volumes');
      end(shown, castle);
      t.equal(await shown.ended(), code);
      t.ok(shown.text.lastIndexOf(normalScreen) > shown.text.lastIndexOf(alternateScreen));
      t.ok(shown.text.lastIndexOf(showCursor) > shown.text.lastIndexOf(hideCursor));
    });
  }

  t.test(
    'Ctrl-Z does not stop --watch in an orphaned process group, where no shell could continue it',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      const shown = watching(t, castle); // the command leads the session of its terminal, as with docker exec -it
      for (const _ of ['once', 'twice']) {
        await shown.shows(alternateScreen);
        await shown.shows('no volumes');
        shown.type('\x1a');
        await shown.shows(normalScreen);
      }
      await shown.shows(alternateScreen);
      await createVolumes(castle, 1);
      await shown.shows('volume-10');
      shown.type('\x03');
      t.equal(await shown.ended(), 130);
    },
  );

  t.test('Ctrl-Z under a shell stops --watch and restores the terminal until fg', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    const shell = new Terminal(t, ['bash', '--norc', '--noprofile', '-i'], { TERM: 'xterm', PS1: '> ' });
    await shell.shows('> ');
    const args = `dist/castle.js volumes --watch 0.2 --socket ${castle.socket}`;
    shell.type(`'${process.execPath}' ${args}; echo "status $?"\r`);
    for (const _ of ['once', 'twice']) {
      await shell.shows(alternateScreen);
      await shell.shows('no volumes');
      shell.type('\x1a');
      await shell.shows(normalScreen);
      await shell.shows('Stopped');
      shell.type('fg\r');
    }
    await shell.shows(alternateScreen);
    await shell.shows('no volumes');
    shell.type('\x03');
    await shell.shows(normalScreen);
  });

  t.test(
    '--watch works on a terminal without a size and on a terminal without control sequences',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      await createVolumes(castle, 30);
      const command = [
        process.execPath,
        'dist/castle.js',
        'volumes',
        '--watch',
        '0.2',
        '--socket',
        castle.socket,
      ];
      const sizeless = ['sh', '-c', 'stty cols 0 rows 0; exec "$@"', 'sh', ...command];
      const shown = new Terminal(t, sizeless, { TERM: 'xterm' });
      const dumb = ['dumb', ''].map((term) => new Terminal(t, ['env', `TERM=${term}`, ...command]));
      await shown.shows('volume-10');
      await shown.shows('… 8 more lines');
      for (const plain of dumb) {
        for (const _ of ['once', 'twice']) {
          await plain.shows(/\d{4}-\d\d-\d\dT[\d:.]+Z\r\n/);
          await plain.shows('volume-39');
        }
        t.notMatch(plain.text, '\x1b');
      }
    },
  );

  t.test('states have colors on a terminal, unless NO_COLOR is set', async (t) => {
    const castle = await CastleOnHost.start(t, 'process');
    await createVolumes(castle, 1);
    const command = [process.execPath, 'dist/castle.js', 'volumes', '--socket', castle.socket];
    const colored = new Terminal(t, command, { TERM: 'xterm' });
    await colored.shows(/volume-10 +local +\x1b\[32mready\x1b\[0m +- +- +\d+s +-/);
    for (const variables of [['NO_COLOR=1', 'TERM=xterm'], ['TERM=dumb'], ['TERM=']]) {
      const plain = new Terminal(t, ['env', ...variables, ...command]);
      await plain.shows(/volume-10 +local +ready +- +- +\d+s +-/);
    }
  });

  const places = (t: Test): string[] => {
    const folder = temporaryFolder(t, 'colors');
    const sockets = [
      '--socket',
      join(folder, 'run/castle.sock'),
      '--docker-socket',
      join(folder, 'none.sock'),
    ];
    return [...sockets, '--state', join(folder, 'state'), '--backend', `local=${join(folder, 'volumes')}`];
  };
  const withoutColors = [['NO_COLOR=1', 'TERM=xterm'], ['TERM=dumb'], ['TERM=']];

  t.test('the log of castle serve has colors on a terminal, unless NO_COLOR is set', async (t) => {
    const command = () => [process.execPath, 'dist/castle.js', 'serve', '--runtime', 'docker', ...places(t)];
    const colored = new Terminal(t, command(), { TERM: 'xterm' });
    await colored.shows(/engine\.disconnected +\x1b\[33mwarn: \x1b\[0m\S/);
    for (const variables of withoutColors) {
      const plain = new Terminal(t, ['env', ...variables, ...command()]);
      await plain.shows(/engine\.disconnected +warn: \S/);
      t.notMatch(plain.text, '\x1b', variables.join(' '));
    }
  });

  t.test('castle doctor has colors on a terminal, unless NO_COLOR is set', async (t) => {
    const command = [process.execPath, 'dist/castle.js', 'doctor', '--runtime', 'process', ...places(t)];
    const colored = new Terminal(t, command, { TERM: 'xterm' });
    await colored.shows(/\x1b\[32mok\x1b\[0m {7}\S/);
    await colored.shows(/\x1b\[33mwarning\x1b\[0m {2}runtime process: /);
    for (const variables of withoutColors) {
      const plain = new Terminal(t, ['env', ...variables, ...command]);
      await plain.shows(/ok {7}\S/);
      await plain.shows(/warning {2}runtime process: /);
      t.notMatch(plain.text, '\x1b', variables.join(' '));
    }
  });
}
