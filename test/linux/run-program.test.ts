import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readLines, requirePrograms, runProgram, startProgram } from '../../src/linux/run-program.ts';

const shell = (script: string, options = {}) => runProgram('sh', ['-c', script], options);

t.test('for a program that exits, the exit code, the output and its last line are returned', async (t) => {
  t.match(await shell('echo out; echo problem >&2; exit 3'), {
    end: { kind: 'exited', exitCode: 3 },
    exitCode: 3,
    stdout: 'out\n',
    isTruncated: false,
  });
  t.equal((await shell('echo problem >&2; exit 3')).lastLine, 'problem');
  t.equal((await shell('exit 3')).lastLine, 'exit code 3', 'without output');
});

t.test('for a program that a signal kills, the signal is returned', async (t) => {
  const { end, exitCode, lastLine } = await shell('kill -TERM $$');
  t.match(end, { kind: 'signaled', signal: 'SIGTERM' });
  t.equal(exitCode, undefined);
  t.equal(lastLine, 'SIGTERM');
});

t.test('a program that does not exist fails with the reason', async (t) => {
  const { end, lastLine } = await runProgram('/no/such/program', []);
  t.match(end, { kind: 'not-started', error: 'ENOENT' });
  t.equal(lastLine, 'it cannot be run: ENOENT');
  t.match(await startProgram('/no/such/program', []).end, { kind: 'not-started', error: 'ENOENT' });
  await t.rejects(requirePrograms(['sh', '/no/such/program'], 'a package'), {
    name: 'Failure',
    message: /^\/no\/such\/program cannot be run/,
  });
});

t.test('a time limit kills the program', async (t) => {
  const { end, stdout } = await shell('echo begun; exec sleep 1000', { timeLimitMs: 500 });
  t.equal(end.kind, 'timed-out');
  t.equal(stdout, 'begun\n', 'the output before the kill is kept');
});

t.test('an abort signal kills the program', async (t) => {
  const abort = new AbortController();
  const ended = shell('exec sleep 1000', { signal: abort.signal });
  abort.abort();
  t.match((await ended).end, { kind: 'signaled', signal: 'SIGKILL' });
  t.match(
    (await shell('exec sleep 1000', { signal: abort.signal })).end,
    { signal: 'SIGKILL' },
    'an abort before the start',
  );
});

t.test('only the end of long output is kept', async (t) => {
  const { stdout, isTruncated } = await shell('seq 100000', { outputLimitBytes: 13 });
  t.equal(stdout, '99999\n100000\n');
  t.equal(isTruncated, true);
});

t.test('a program gets the given descriptors and environment', async (t) => {
  const path = join(t.testdir({ file: '' }), 'file');
  const file = await open(path, 'w');
  await shell('echo "$WORD" >&4', { descriptors: ['ignore', file.fd], env: { WORD: 'text' } });
  await file.close();
  t.equal(await readFile(path, 'utf8'), 'text\n');
});

t.test('the lines of a program arrive one at a time', async (t) => {
  const program = startProgram('sh', ['-c', 'echo ready; read word; echo "got $word"; printf rest']);
  const lines = readLines(program.stdout);
  t.equal((await lines.next()).value, 'ready');
  program.stdin.end('this\n');
  t.equal((await lines.next()).value, 'got this');
  t.equal((await lines.next()).value, 'rest', 'a last line without a newline');
  t.equal((await lines.next()).done, true);
  t.match(await program.end, { kind: 'exited', exitCode: 0 });
});

t.test('reading lines ends when the program is killed', async (t) => {
  const program = startProgram('sh', ['-c', 'echo problem >&2; echo ready; exec sleep 1000']);
  const lines = readLines(program.stdout);
  t.equal((await lines.next()).value, 'ready');
  program.kill();
  t.equal((await lines.next()).done, true);
  t.match(await program.end, { kind: 'signaled', signal: 'SIGKILL' });
  t.equal(program.lastMessage(), 'problem');
});
