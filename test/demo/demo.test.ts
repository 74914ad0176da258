import { chmodSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { requireProgram } from '../../src/bailey/launch/find-program.ts';
import { pidNamespace, program, requires, root } from '../kit/needs.ts';
import { copiedDemo, DemoRun } from './demo-run.ts';

/** The lines that every run prints, in order. */
const expectedLines = [
  /^Bailey: process 1 for containers/,
  /^container 1, without bailey-init: /m,
  /^\$ java -jar jenkins\.war$/m,
  /^ {2}ok {6}PID 1 is \S+ itself \(process \d+ on the host\)$/m,
  /^ {2}container 1, without bailey-init, [\d.]+ of 8 s: orphans \d+ left behind; zombies \d+ now, \d+ at most$/m,
  /^ {2}ok {6}\d+ orphans were left behind$/m,
  /^ {2}ok {6}[1-9]\d* zombies fill the process table: PID 1 does not reap them$/m,
  /^ {2}ok {6}SIGTERM to PID 1: exit code 143 after \d+ ms$/m,
  /^\$ castle serve --socket \S+ --state \S+ --backend local=\S+ --runtime process/m,
  /^ {2}ok {6}the castle answers/m,
  /^container 2, with bailey-init: /m,
  /^\$ bailey-init -- bailey jenkins$/m,
  /^ {2}ok {6}PID 1 is bailey-init \(process \d+ on the host\), and bailey has become \S+$/m,
  /^ {2}container 2, with bailey-init, [\d.]+ of 8 s: orphans \d+ left behind; zombies 0 now, 0 at most; PID 1 bailey-init, \d+ KB, [\d.]+ ms CPU, \d+ wake-ups/m,
  /^ {2}ok {6}\d+ orphans were left behind$/m,
  /^ {2}ok {6}volume demo is mounted: \S+\/volumes\/demo \(\w+\) on JENKINS_HOME$/m,
  /^ {2}ok {6}no zombie was ever seen$/m,
  /^ {2}ok {6}SIGTERM to PID 1: exit code 143 after \d+ ms$/m,
  /^ {2}ok {6}the lease has ended with its container$/m,
  /^container 3, on the same volume: /m,
  /^ {2}ok {6}it found the data of container 2: Found \d+ builds in JENKINS_HOME, the next one is \d+$/m,
  /^ {2}ok {6}the castle has stopped$/m,
  /^ {2}ok {6}no mount is left$/m,
  /^The same program for the same time \(8 s\):$/m,
  /^ +without bailey-init {3}with bailey-init$/m,
  /^ {2}PID 1 +\S+ +bailey-init, \d+ KB$/m,
  /^ {2}orphans +[1-9]\d* +[1-9]\d*$/m,
  /^ {2}zombies at the end +[1-9]\d* +0$/m,
  /^ {2}cost of reaping +none +[\d.]+ ms CPU, \d+ wake-ups?$/m,
  /^ {2}exit code after SIGTERM +143 +143$/m,
  /^All checks passed\.$/m,
];

/** @returns the first pattern that has no match after the match of the one before it, or undefined when all have */
function firstMissing(text: string, patterns: readonly RegExp[]): string | undefined {
  let rest = text;
  for (const pattern of patterns) {
    const match = pattern.exec(rest);
    if (match === null) return `${pattern} in: ${rest}`;
    rest = rest.slice(match.index + match[0].length);
  }
  return undefined;
}

/** A PATH with these programs only. */
function onlyTools(t: Test, tools: readonly string[]): string {
  const folder = mkdtempSync('/tmp/bd-tools-');
  chmodSync(folder, 0o755);
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const tool of tools) symlinkSync(requireProgram(tool, process.env['PATH']), join(folder, tool));
  return folder;
}

if (requires(t, pidNamespace, program('setpriv'), program('nsenter'))) {
  t.test('without a terminal, every step succeeds and is printed', async (t) => {
    if (!requires(t, program('javac'))) return;
    const demo = new DemoRun();
    const { code, stdout, stderr } = await demo.run();
    t.equal(stderr, '');
    t.equal(firstMissing(stdout, expectedLines), undefined);
    t.match(stdout, 'a stand-in for Jenkins, run by java');
    t.match(stdout, 'bailey has become java');
    t.notMatch(stdout, '\x1b', 'no escape sequences without a terminal');
    t.equal(code, 0);
    demo.expectNothingLeft(t);
  });

  t.test(
    'without a JDK the stand-in runs on node, and without root the demo runs in a user namespace',
    async (t) => {
      const tools = onlyTools(t, ['unshare', 'nsenter', 'setpriv', 'sh', 'sleep', 'env', 'getconf']);
      const demo = new DemoRun({ PATH: tools, JAVA_HOME: '' });
      const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
      chmodSync(demo.folder, 0o777);
      const wrapper = root() === undefined ? [join(tools, 'setpriv'), ...nobody] : [];
      const { code, stdout, stderr } = await demo.run(undefined, wrapper, copiedDemo(tools));
      t.equal(stderr, '');
      t.equal(firstMissing(stdout, expectedLines), undefined);
      t.match(stdout, 'a stand-in for Jenkins, run by node (there is no JDK)');
      t.match(stdout, 'bailey has become node');
      t.equal(code, 0);
      demo.expectNothingLeft(t);
    },
  );

  const refusals = [
    {
      who: 'root without CAP_SYS_ADMIN, as in a container',
      script: 'exec setpriv --bounding-set=-sys_admin "$@"',
      says: /^demo: this machine does not allow new namespaces \(.+\); run the demo outside a container, or .+ --privileged\n$/,
    },
    {
      // The limit allows one namespace. It exists before the demo starts, and the demo is not root in it.
      who: 'a user without user namespaces',
      script: 'echo 1 >/proc/sys/user/max_user_namespaces && exec unshare -U "$@"',
      says: /^demo: this machine does not allow user namespaces \(.+\); run the demo as root, or allow them: .+\n$/,
    },
  ];
  for (const { who, script, says } of refusals) {
    t.test(`${who}: the demo ends with one message and exit code 69`, async (t) => {
      if (!requires(t, root)) return;
      const demo = new DemoRun();
      const { code, stdout, stderr } = await demo.run(undefined, [
        'unshare',
        '-Ur',
        'sh',
        '-c',
        script,
        'sh',
      ]);
      t.equal(stdout, '');
      t.match(stderr, says);
      t.equal(code, 69);
      demo.expectNothingLeft(t);
    });
  }

  t.test('a missing tool ends the demo with one message and exit code 69', async (t) => {
    const demo = new DemoRun({ PATH: onlyTools(t, ['env', 'unshare']) });
    const { code, stderr } = await demo.run();
    t.equal(stderr, 'demo: the demo needs nsenter; install the package util-linux\n');
    t.equal(code, 69);
    demo.expectNothingLeft(t);
  });
}
