// Job control: under an interactive shell, and as PID 1 of a container with a terminal (docker run -it).
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { childrenOf, stat, until } from '../kit/namespace.ts';
import { pidNamespace, program, requires, root } from '../kit/needs.ts';
import { Terminal, terminal } from '../kit/terminal.ts';
import { bailey } from './bailey-init.ts';
import { baileyInitAs, otherInits } from './other-inits.ts';
import { ways } from './reaping-ways.ts';

const shell = ['bash', '--norc', '--noprofile', '-i'];
const prompt = { PS1: 'PROMPT> ', PS2: '', HISTFILE: '' };

/** Runs a command as the first process of a container that has a terminal: it leads the session of the terminal. */
const asLeader = (...command: string[]) => [
  ...['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', 'setsid', '--ctty'],
  ...command,
];

/** node-pty also sends SIGHUP to its child, which must not end the namespace before the program gets the kernel's SIGHUP. */
const ignoringHangup = (command: readonly string[]) => [
  ...['bash', '-c', 'trap : HUP; "$@"; exit', 'bash', 'setpriv', '--pdeathsig', 'KILL'],
  ...command,
];

/** Prints when it is ready, when it gets SIGINT, and what it reads. */
const reportsInput = [
  'sh',
  '-c',
  'trap "echo got-INT; exit 3" INT; echo "is-""up"; while read x; do echo "read-""$x"; done',
];

/** Waits for a descendant of a process with this name. */
async function descendant(of: number, name: string): Promise<number> {
  let found: number | undefined;
  const look = (pid: number): void => {
    for (const child of childrenOf(pid)) {
      if (stat(child)?.comm === name) found = child;
      look(child);
    }
  };
  await until(`${name} runs`, () => {
    look(of);
    return found !== undefined;
  });
  return found ?? 0;
}

const stopped = (pid: number) => stat(pid)?.state === 'T';

/** A field of a process's stat(5), counted from its state. */
function field(pid: number, index: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[index]);
}

const processGroup = (pid: number) => field(pid, 2);

/** The foreground process group of the terminal of a process. */
const foreground = (pid: number) => field(pid, 5);

async function jobs(sub: Test, init: readonly string[]): Promise<void> {
  const screen = new Terminal(sub, shell, prompt);
  await screen.shows('PROMPT> ');
  screen.type(`${init.join(' ')} sleep 1000\r`);
  const program = await descendant(screen.pid, 'sleep');
  await until('the job is in the foreground', () => foreground(program) === program);
  screen.type('\x1a');
  await screen.shows('Stopped');
  await screen.shows('PROMPT> ');
  sub.ok(stopped(program), '^Z stops the program');
  screen.type('jobs; echo "is-""alive"\r');
  await screen.shows(/\[1\]\+ {2}Stopped.*sleep 1000/);
  await screen.shows('is-alive');
  screen.type('bg\r');
  await until('bg continues it', () => !stopped(program));
  await screen.shows('PROMPT> ');
  screen.type('fg\r');
  await screen.shows('sleep 1000\r\n');
  screen.type('\x1a');
  await screen.shows('Stopped');
  await screen.shows('PROMPT> ');
  screen.type('fg\r');
  await until('fg gives it the terminal', () => foreground(program) === program && !stopped(program));
  screen.type('\x03');
  await screen.shows('PROMPT> ');
  screen.type('echo "code-"$?\r');
  await screen.shows('code-130');
  screen.type(`${init.join(' ')} cat\r`);
  const reader = await descendant(screen.pid, 'cat');
  await until('the job is in the foreground', () => foreground(reader) === reader);
  screen.type('\x1a');
  await screen.shows('PROMPT> ');
  screen.type('bg\r');
  await until(
    'a job in the background that reads from the terminal stops',
    () => stopped(reader) && stopped(stat(reader)?.parent ?? 0),
  );
  screen.type('fg\r');
  await until('the job is in the foreground again', () => foreground(reader) === reader && !stopped(reader));
  screen.type('words\r');
  await screen.shows('words\r\nwords');
  screen.type('\x04');
  await screen.shows('PROMPT> ');
  screen.type('exit 7\r');
  sub.equal(await screen.ended(), 7);
}

if (requires(t, root, pidNamespace, program('bash'), program('setsid'), terminal, otherInits)) {
  t.test('an interactive shell controls its job with ^Z, jobs, bg, fg and ^C', (sub) => jobs(sub, [bailey]));

  t.test('^Z stops every process of a job, and fg continues them', async (sub) => {
    const screen = new Terminal(sub, shell, prompt);
    await screen.shows('PROMPT> ');
    screen.type(`${bailey} sh -c 'cat; exit 9'\r`);
    const cat = await descendant(screen.pid, 'cat');
    await until('the job is in the foreground', () => foreground(cat) === processGroup(cat));
    screen.type('\x1a');
    await screen.shows('Stopped');
    await screen.shows('PROMPT> ');
    await until('^Z stops the child of the program', () => stopped(cat));
    screen.type('fg\r');
    await until('fg continues the child', () => !stopped(cat) && foreground(cat) === processGroup(cat));
    screen.type('words\r');
    await screen.shows('words\r\nwords');
    screen.type('\x04');
    await screen.shows('PROMPT> ');
    screen.type('echo "code-"$?\r');
    await screen.shows('code-9');
  });

  t.test(
    'fg gives the terminal to a job that started in the background, ^Z returns it to the shell',
    async (sub) => {
      const screen = new Terminal(sub, shell, prompt);
      await screen.shows('PROMPT> ');
      screen.type(`${bailey} cat &\r`);
      const cat = await descendant(screen.pid, 'cat');
      await until(
        'a job in the background that reads from the terminal stops',
        () => stopped(cat) && stopped(stat(cat)?.parent ?? 0),
      );
      sub.equal(foreground(screen.pid), screen.pid, 'the shell keeps the terminal');
      screen.type('fg\r');
      await until('the job is in the foreground again', () => foreground(cat) === cat && !stopped(cat));
      screen.type('words\r');
      await screen.shows('words\r\nwords');
      screen.type('\x1a');
      await screen.shows('Stopped');
      await screen.shows('PROMPT> ');
      screen.type('fg\r');
      await until('the second fg gives it the terminal', () => foreground(cat) === cat && !stopped(cat));
      screen.type('\x03');
      await screen.shows('PROMPT> ');
      screen.type('echo "code-"$?\r');
      await screen.shows('code-130');
    },
  );

  t.test('SIGSTOP to the program of a job in the background does not stop bailey-init', async (sub) => {
    const screen = new Terminal(sub, shell, prompt);
    await screen.shows('PROMPT> ');
    screen.type(`${bailey} sleep 1000 &\r`);
    const program = await descendant(screen.pid, 'sleep');
    const init = stat(program)?.parent ?? 0;
    await screen.shows('PROMPT> ');
    process.kill(program, 'SIGSTOP');
    await until('the program is stopped', () => stopped(program));
    process.kill(init, 'SIGTERM');
    screen.type('wait $!; echo "code-"$?\r');
    await screen.shows('code-143');
  });

  t.test('^Z stops a job that reads from a pipe, fg continues it, ^C ends it', async (sub) => {
    const screen = new Terminal(sub, shell, prompt);
    await screen.shows('PROMPT> ');
    screen.type(`sleep 1000 | ${bailey} tail -f /dev/null\r`);
    const program = await descendant(screen.pid, 'tail');
    const init = stat(program)?.parent ?? 0;
    await until('the job is in the foreground', () => foreground(init) === processGroup(init));
    screen.type('\x1a');
    await screen.shows('Stopped');
    await screen.shows('PROMPT> ');
    sub.ok(stopped(init));
    await until('the program is stopped', () => stopped(program));
    screen.type('fg\r');
    await until('fg continues both', () => !stopped(init) && !stopped(program));
    screen.type('\x03');
    await screen.shows('PROMPT> ');
    screen.type('echo "code-"$?\r');
    await screen.shows('code-130');
  });

  t.test('an interactive shell controls a job of catatonit in the same way', (sub) =>
    jobs(sub, [baileyInitAs(sub, 'catatonit')]),
  );

  for (const way of ways)
    t.test(`a script reads from the terminal again after bailey-init has exited (${way})`, async (sub) => {
      const script = `${bailey} --reap ${way} true; read x; echo "got-""$x"; ${bailey} --reap ${way} cat; read x; echo "got-""$x"`;
      const screen = new Terminal(sub, ['bash', '-c', script], prompt);
      screen.type('one\r');
      await screen.shows('got-one');
      screen.type('two\r');
      await screen.shows(/two.*two/s);
      screen.type('\x04');
      screen.type('three\r');
      await screen.shows('got-three');
      sub.equal(await screen.ended(), 0);
    });

  for (const [name, init] of [
    ['bailey-init', (_: Test) => [bailey]],
    ['bailey-init --reap wait', (_: Test) => [bailey, '--reap', 'wait']],
    ['tini', (sub: Test) => [baileyInitAs(sub, 'tini'), '--']],
    ['dumb-init', (sub: Test) => [baileyInitAs(sub, 'dumb-init')]],
    ['catatonit', (sub: Test) => [baileyInitAs(sub, 'catatonit'), '--']],
  ] as const) {
    t.test(`process 1 of a terminal, as ${name}: ^Z does not stop the program, ^C ends it`, async (sub) => {
      const screen = new Terminal(sub, asLeader(...init(sub), ...reportsInput));
      await screen.shows('is-up');
      screen.type('\x1a');
      await screen.shows('^Z');
      screen.type('words\r');
      await screen.shows('read-words');
      screen.type('\x03');
      await screen.shows('got-INT');
      sub.equal(await screen.ended(), 3);
    });

    t.test(`process 1 of a terminal, as ${name}: an interactive shell has job control`, async (sub) => {
      const screen = new Terminal(sub, asLeader(...init(sub), ...shell), prompt);
      await screen.shows('PROMPT> ');
      sub.notMatch(screen.text, /no job control|cannot set terminal/);
      screen.type('sleep 1000\r');
      const job = await descendant(screen.pid, 'sleep');
      await until('the job is in the foreground', () => foreground(job) === processGroup(job));
      screen.type('\x1a');
      await screen.shows('Stopped');
      screen.type('jobs\r');
      await screen.shows(/\[1\]\+ {2}Stopped.*sleep 1000/);
      screen.type('fg\r');
      await until('the job continues', () => !stopped(job));
      screen.type('\x03');
      await screen.shows('PROMPT> ');
      screen.type('echo "code-"$?\r');
      await screen.shows('code-130');
      screen.type('exit 5\r');
      sub.equal(await screen.ended(), 5);
    });

    t.test(`process 1 of a terminal, as ${name}: the program gets SIGWINCH and the new size`, async (sub) => {
      const script = 'trap "stty size" WINCH; echo "is-""up"; while :; do sleep 0.05; done';
      const screen = new Terminal(sub, asLeader(...init(sub), 'bash', '-c', script));
      await screen.shows('is-up');
      screen.resize(123, 45);
      await screen.shows('45 123');
    });

    t.test(
      `process 1 of a terminal, as ${name}: the program gets SIGHUP when the terminal is closed`,
      async (sub) => {
        const folder = sub.testdir({});
        const script = 'trap "echo HUP >$0; exit 4" HUP; echo "is-""up"; while :; do sleep 0.05; done';
        const screen = new Terminal(
          sub,
          ignoringHangup(asLeader(...init(sub), 'bash', '-c', script, `${folder}/hangup`)),
        );
        await screen.shows('is-up');
        screen.hangUp();
        await until('the program got SIGHUP', () => {
          try {
            return readFileSync(`${folder}/hangup`, 'utf8') === 'HUP\n';
          } catch {
            return false;
          }
        });
      },
    );
  }

  t.test('under the real tini, ^Z stops the program forever', async (sub) => {
    const screen = new Terminal(sub, asLeader('tini', '--', ...reportsInput));
    await screen.shows('is-up');
    const init = await descendant(screen.pid, 'tini');
    const [program = 0] = childrenOf(init);
    screen.type('\x1a');
    await until('the program is stopped', () => stopped(program));
    screen.type('words\r\x03');
    await screen.shows('^C');
    sub.ok(stopped(program), 'the program stays stopped');
    sub.notMatch(screen.text, 'read-words');
  });
}
