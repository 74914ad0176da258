import { chmodSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { requireProgram } from '../../src/bailey/launch/program.ts';
import { pidNamespace, program, requires, root } from '../kit/needs.ts';
import { copiedDemo, Stage } from './stage.ts';

/** The lines that everybody sees, in order. */
const story = [
  /^Bailey: a container whose PID 1 is bailey-init/,
  /^\$ castle serve --socket \S+ --state \S+ --backend local=\S+ --runtime process/m,
  /^ {2}ok {6}the castle answers/m,
  /^container 1: /m,
  /^\$ bailey-init -- bailey jenkins$/m,
  /^ {2}ok {6}PID 1 is bailey-init \(\d+ out here\), and bailey has become \S+$/m,
  /^ {2}container 1, [\d.]+ of 8 s: orphans \d+ left behind; zombies 0 now, 0 at most; PID 1 bailey-init, \d+ KB, [\d.]+ ms CPU, \d+ wake-ups/m,
  /^ {2}ok {6}volume demo is mounted: \S+\/volumes\/demo \(\w+\) on JENKINS_HOME$/m,
  /^ {2}ok {6}\d+ orphans were left behind$/m,
  /^ {2}ok {6}no zombie was ever seen$/m,
  /^ {2}ok {6}SIGTERM to PID 1: exit code 143 after \d+ ms$/m,
  /^ {2}ok {6}the lease has ended with its container$/m,
  /^container 2, on the same volume: /m,
  /^ {2}ok {6}it has found the data of container 1: Found \d+ builds in JENKINS_HOME, the next one is \d+$/m,
  /^ {2}ok {6}the castle has stopped$/m,
  /^ {2}ok {6}no mount is left$/m,
  /^\d+ orphans in two containers, 0 zombies at most at one time\.$/m,
  /^PID 1, while \d+ orphans came and went: \d+ KB, [\d.]+ ms CPU, \d+ wake-ups?\.$/m,
  /^All of it came true\.$/m,
];

/** Whether the text has something for each pattern, one after the other; the first that is missing is returned. */
function firstMissing(text: string, patterns: readonly RegExp[]): string | undefined {
  let rest = text;
  for (const pattern of patterns) {
    const match = pattern.exec(rest);
    if (match === null) return `${pattern} in: ${rest}`;
    rest = rest.slice(match.index + match[0].length);
  }
  return undefined;
}

/** A PATH with nothing but these on it. */
function onlyTools(t: Test, tools: readonly string[]): string {
  const folder = mkdtempSync('/tmp/bd-tools-');
  chmodSync(folder, 0o755);
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const tool of tools) symlinkSync(requireProgram(tool, process.env['PATH']), join(folder, tool));
  return folder;
}

if (requires(t, pidNamespace, program('setpriv'), program('nsenter'))) {
  t.test('the whole story, without a terminal', async (t) => {
    if (!requires(t, program('javac'))) return;
    const stage = new Stage();
    const { code, stdout, stderr } = await stage.tell();
    t.equal(stderr, '');
    t.equal(firstMissing(stdout, story), undefined);
    t.match(stdout, 'a stand-in for Jenkins, run by java');
    t.match(stdout, 'bailey has become java');
    t.notMatch(stdout, '\x1b', 'no terminal, no escape sequences');
    t.equal(code, 0);
    stage.expectNothingLeft(t);
  });

  t.test('without a JDK node stands in, and not as root everything is in a user namespace', async (t) => {
    const tools = onlyTools(t, ['unshare', 'nsenter', 'setpriv', 'sh', 'sleep', 'env', 'getconf']);
    const stage = new Stage({ PATH: tools, JAVA_HOME: '' });
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
    chmodSync(stage.folder, 0o777);
    const behind = root() === undefined ? [join(tools, 'setpriv'), ...nobody] : [];
    const { code, stdout, stderr } = await stage.tell(undefined, behind, copiedDemo(tools));
    t.equal(stderr, '');
    t.equal(firstMissing(stdout, story), undefined);
    t.match(stdout, 'a stand-in for Jenkins, run by node (there is no JDK)');
    t.match(stdout, 'bailey has become node');
    t.equal(code, 0);
    stage.expectNothingLeft(t);
  });

  const refusals = [
    {
      who: 'root without CAP_SYS_ADMIN, as in a container',
      script: 'exec setpriv --bounding-set=-sys_admin "$@"',
      says: /^demo: containers cannot be made here \(.+\); run the demo on a machine, or .+ --privileged\n$/,
    },
    {
      // The one that the limit allows is made before the demo, which is not root in it.
      who: 'a user without user namespaces',
      script: 'echo 1 >/proc/sys/user/max_user_namespaces && exec unshare -U "$@"',
      says: /^demo: user namespaces are refused here \(.+\); run the demo as root, or allow them: .+\n$/,
    },
  ];
  for (const { who, script, says } of refusals) {
    t.test(`${who}: one sentence, 69`, async (t) => {
      if (!requires(t, root)) return;
      const stage = new Stage();
      const { code, stdout, stderr } = await stage.tell(undefined, [
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
      stage.expectNothingLeft(t);
    });
  }

  t.test('a tool that is missing: one sentence, 69', async (t) => {
    const stage = new Stage({ PATH: onlyTools(t, ['env', 'unshare']) });
    const { code, stderr } = await stage.tell();
    t.equal(stderr, 'demo: the demo needs nsenter; install the package util-linux\n');
    t.equal(code, 69);
    stage.expectNothingLeft(t);
  });
}
