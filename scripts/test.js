// Runs the test suites of scripts/test-suites.js. Run `node scripts/build.js --tests` before:
//
//   node scripts/test.js                 the suites of `npm test`
//   node scripts/test.js --rest          the other suites, as `npm run test:all`
//   node scripts/test.js --suite NAME    one suite; can be given several times
//   node scripts/test.js TEXT...         every file whose name contains one of the texts, once
//   --jobs N                             the number of files that run at a time; default: the number of CPUs plus one
//
// Every file is a program that prints TAP. It runs in its own process group with its own temporary folder. The runner prints
// one line with the time of each file; the output of the file is in build/test-logs. The run fails when an assertion fails,
// when a file ends without its summary, when a test file belongs to no suite, and when a file leaves a process or a temporary
// file. A skipped test is printed with its reason; with CI=true it is a failure. The last line is `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { suites } from './test-suites.js';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
const isCI = process.env.CI === 'true';
/** After this time a file counts as hanging. The slowest file on a busy machine needs far less. */
const boundMs = 3 * 3600 * 1000;
const logs = 'build/test-logs';

const { values: asked, positionals: texts } = readCommandLine();

const failures = [];
const skipped = new Map();
let [passed, planned, reported, runs] = [0, 0, 0, 0];
let isInterrupted = false;

const began = performance.now();
const scratch = mkdtempSync(join(tmpdir(), 'bt-'));
// Tests run programs as other users, which need access to this folder.
chmodSync(scratch, 0o755);
const environment = { ...process.env, BAILEY_TEST_RUN: scratch, TAP_TIMEOUT: '0' };
const cleanUp = startCleanUp();
/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => void interrupted(signal));

const jobs = plan();
mkdirSync(logs, { recursive: true });
await runAll(jobs.filter(({ suite }) => !suite.alone));
for (const suite of suites.filter(({ alone }) => alone)) {
  await runAll(jobs.filter((job) => job.suite === suite));
}
await report();

/** Reads the command line; ends the process with exit code 64 when it is wrong. */
function readCommandLine() {
  try {
    const read = parseArgs({
      allowPositionals: true,
      options: {
        jobs: { type: 'string', default: String(availableParallelism() + 1) },
        rest: { type: 'boolean' },
        suite: { type: 'string', multiple: true },
      },
    });
    if (!/^[1-9]\d{0,2}$/.test(read.values.jobs)) {
      throw new Error(`--jobs ${read.values.jobs} is not a number from 1 to 999`);
    }
    return read;
  } catch (thrown) {
    console.error(`test: ${thrown.message.split('\n')[0]}; see the head of scripts/test.js`);
    process.exit(64);
  }
}

/** Starts a process that outlives this one and then removes everything that tests have left. */
function startCleanUp() {
  const { BAILEY_TEST_RUN: _, ...unmarked } = process.env;
  const started = spawn('scripts/test-cleanup.sh', [scratch], {
    env: unmarked,
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  started.stdin.on('error', () => undefined);
  return started;
}

/** Ends the running files with all their processes, and the run. */
async function interrupted(signal) {
  isInterrupted = true;
  for (const child of running) killGroup(child, 'SIGTERM');
  failures.push(`interrupted by ${signal}`);
  await report();
}

/** Lists the files to run, suite by suite. @returns {Job[]} */
function plan() {
  const all = readdirSync('build/test', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js') || name === 'engine/volume-driver.machine.js')
    .map((name) => name.slice(0, name.endsWith('.test.js') ? -'.test.js'.length : -'.js'.length))
    .sort();
  const left = new Set(all);
  const wanted = [];
  for (const suite of suites) {
    const named = (pattern) => all.filter((file) => matches(file, pattern));
    for (const pattern of suite.files) {
      if (named(pattern).length === 0) failures.push(`suite ${suite.name}: no file matches test/${pattern}`);
    }
    const files = [...new Set(suite.files.flatMap(named))].filter((file) => suite.again || left.has(file));
    if (!suite.again) for (const file of files) left.delete(file);
    const isChosen =
      asked.suite?.includes(suite.name) ??
      (texts.length > 0 ? !suite.again && !suite.command : suite.everyday !== asked.rest);
    if (!isChosen) continue;
    const chosen = files.filter((file) => texts.length === 0 || texts.some((text) => file.includes(text)));
    const shared = suite.node !== undefined || suite.init !== undefined ? prepareOnce(suite) : undefined;
    for (const file of chosen) wanted.push({ suite, name: file, prepared: shared });
    if (suite.command) wanted.push({ suite, name: suite.command.join(' ') });
  }
  for (const text of texts) {
    if (!all.some((file) => file.includes(text))) failures.push(`no test file has ${text} in its name`);
  }
  for (const file of left) failures.push(`test/${file} belongs to no suite`);
  for (const name of asked.suite ?? []) {
    if (!suites.some((suite) => suite.name === name)) failures.push(`there is no suite ${name}`);
  }
  planned = wanted.length;
  return wanted;
}

/** Whether a file matches a pattern of a suite. */
function matches(file, pattern) {
  if (pattern.includes('*')) {
    const expression = pattern.replaceAll(/[.+]/g, '\\$&').replaceAll('*', '.*');
    return new RegExp(`^${expression}$`).test(file);
  }
  return file === pattern || file.startsWith(`${pattern}/`);
}

/** Runs jobs in their order, several at a time. */
async function runAll(all) {
  const left = [...all];
  const worker = async () => {
    for (let job = left.shift(); job !== undefined && !isInterrupted; job = left.shift()) await run(job);
  };
  await Promise.all(Array.from({ length: Number(asked.jobs) }, worker));
}

/**
 * Prepares another Node or another build of bailey-init for the files of a suite, when the first of them is about to run.
 * @returns {() => Promise<NodeJS.ProcessEnv | undefined>} environment variables for the files; undefined after a failure
 */
function prepareOnce(suite) {
  let preparing;
  return () => {
    preparing ??= suite.node === undefined ? prepareInit(suite.init) : prepareNode(suite.node);
    return preparing;
  };
}

/** Installs a Node from its npm package, and builds the single-file agent with it. */
async function prepareNode(major) {
  const name = `node-linux-${process.arch}`;
  const folder = join(scratch, `node-${major}`);
  const fetched = await step(`fetch Node ${major}`, 'npm', [
    ...['install', '--silent', '--no-save', '--ignore-scripts', '--prefix', folder, `${name}@${major}`],
  ]);
  if (fetched === undefined) return undefined;
  const env = { PATH: `${join(folder, 'node_modules', name, 'bin')}:${process.env.PATH}` };
  const agent = join(folder, 'bailey-agent');
  const built = await step(
    `build the single-file agent with Node ${major}`,
    'node',
    ['scripts/build.js', '--agent', agent],
    env,
  );
  return built === undefined ? undefined : { ...env, BAILEY_TEST_AGENT: agent };
}

/** Builds another bailey-init. The script prints the environment for the tests, and which tests are left out and why. */
async function prepareInit(kind) {
  const settings = await step(`build bailey-init, ${kind}`, 'scripts/test-init.sh', [
    kind,
    mkdtempSync(join(scratch, 'init-')),
  ]);
  if (settings === undefined) return undefined;
  const lines = settings.split('\n').filter((line) => line !== '');
  for (const line of lines.filter((line) => line.startsWith('# '))) console.log(`    ${line.slice(2)}`);
  return Object.fromEntries(
    lines
      .filter((line) => /^[A-Z_]+=/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

/** Runs a program that must succeed, and prints its time. @returns its output; undefined when it failed */
async function step(name, program, args, env = {}) {
  const start = performance.now();
  const child = spawn(program, args, {
    env: { ...environment, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const [code] = await ended(child);
  running.delete(child);
  const isGood = code === 0;
  console.log(`${isGood ? 'ok    ' : 'NOT OK'} ${seconds(performance.now() - start)}  ${name}`);
  if (isGood) {
    passed += 1;
    return stdout;
  }
  failures.push(`${name}: exit code ${code}`);
  console.log(stdout + stderr);
  return undefined;
}

/** Runs one test file, or one command that prints TAP, to its end, and counts its assertions. */
async function run({ suite, name, prepared }) {
  const title = suite.again ? `${name} (${suite.name})` : name;
  const env = prepared === undefined ? {} : await prepared();
  if (env === undefined) {
    failures.push(`${title}: not run, because its preparation failed`);
    reported += 1;
    return;
  }
  const number = runs++;
  const folder = join(scratch, String(number));
  mkdirSync(folder);
  chmodSync(folder, 0o1777);
  const log = join(logs, `${title.replaceAll(/[^\w.-]+/g, '-')}.tap`);
  const built = `build/test/${name}${existsSync(`build/test/${name}.js`) ? '' : '.test'}.js`;
  const command = suite.command ?? ['node', built];
  const start = performance.now();
  // The shell prints the CPU time of the file and its children.
  const child = spawn('sh', ['-c', '"$@"; code=$?; times >&3; exit $code', 'sh', ...command], {
    env: { ...environment, ...env, TMPDIR: folder },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  running.add(child);
  const output = createWriteStream(log);
  let times = '';
  child.stdio[3].setEncoding('utf8').on('data', (text) => (times += text));
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => output.write(bytes));
  const bound = setTimeout(() => {
    killGroup(child, 'SIGTERM');
    setTimeout(() => killGroup(child, 'SIGKILL'), 10_000).unref();
  }, boundMs);
  const [code, signal] = await ended(child);
  clearTimeout(bound);
  running.delete(child);
  await new Promise((resolve) => output.end(resolve));
  reported += 1;
  judge({
    title,
    text: readFileSync(log, 'utf8'),
    code: code ?? signal,
    time: `${seconds(performance.now() - start)}, CPU ${seconds(cpuSeconds(times) * 1000)}`,
    left: readdirSync(folder),
    log,
  });
}

/** Counts the assertions of a file, and prints its line. */
function judge({ title, text, code, time, left, log }) {
  const summary = /^# \{ total: \d+.*\}$/gm;
  const last = text.match(summary)?.at(-1);
  const count = (what) => Number(new RegExp(`[{ ]${what}: (\\d+)`).exec(last ?? '')?.[1] ?? 0);
  passed += count('pass');
  const faults = [];
  if (last === undefined) faults.push(`ended with ${code} and without a summary`);
  faults.push(...failedAssertions(text));
  if (code !== 0 && faults.length === 0) faults.push(`exit code ${code}`);
  if (left.length > 0) faults.push(`temporary files are left: ${left.join(' ')}`);
  const reasons = [...text.matchAll(/^ *ok \d+ - (.*) # (?:SKIP|TODO) ?(.*)$/gm)].map(
    ([, name, reason]) => reason || name,
  );
  for (const reason of reasons) {
    if (isCI) faults.push(`skipped: ${reason}`);
    else skipped.set(reason, [...(skipped.get(reason) ?? []), title]);
  }
  const isGood = faults.length === 0;
  const skips = reasons.length === 0 ? '' : `, ${reasons.length} skipped`;
  console.log(`${isGood ? 'ok    ' : 'NOT OK'} ${time}  ${title}: ${count('pass')} passed${skips}`);
  for (const [comment] of text.matchAll(/^ *# (?!Subtest|\{|time=).*$/gm))
    console.log(`         ${comment.trim()}`);
  for (const fault of faults) {
    failures.push(`${title}: ${fault}`);
    console.log(`         ${fault}`);
  }
  if (!isGood) console.log(`         the complete output is in ${log}:\n${excerpt(text)}`);
}

/** The names of failed assertions, each after the names of its outer tests. Outer tests are not listed themselves. */
function failedAssertions(text) {
  const [path, counted, found] = [[], [], []];
  for (const line of text.split('\n')) {
    const depth = Math.floor((line.length - line.trimStart().length) / 4);
    const test = /^ *# Subtest: (.*)$/.exec(line);
    if (test !== null) {
      // The comment precedes the test's lines. Its depth is that of the lines or, for a buffered test, that of the result.
      path[depth] = test[1];
      path.length = depth + 1;
      counted[depth] = false;
      continue;
    }
    const failed = /^ *not ok \d+ -? ?(.*)$/.exec(line);
    if (failed === null || / # (SKIP|TODO)/.test(line)) continue;
    if (!counted[depth]) found.push([...path.slice(0, depth), failed[1]].join(' > ').slice(0, 250));
    for (let outer = 0; outer < depth; outer += 1) counted[outer] = true;
    counted[depth] = false;
  }
  return [...new Set(found)];
}

/** The failed assertions with tap's details; without failed assertions, the end of the output. */
function excerpt(text) {
  const lines = text.split('\n');
  const shown = new Set();
  for (const [n, line] of lines.entries()) {
    if (!/^ *not ok /.test(line)) continue;
    for (let at = n; at < lines.length && at < n + 60; at++) {
      shown.add(at);
      if (at > n && /^ *\.\.\.$/.test(lines[at])) break;
    }
  }
  const chosen = shown.size > 0 ? [...shown].slice(0, 200).map((at) => lines[at]) : lines.slice(-60);
  return chosen.map((line) => `         | ${line.slice(0, 300)}`).join('\n');
}

/** The sum, in seconds, of the four times that the shell printed: user and system time of itself and of its children. */
function cpuSeconds(times) {
  return [...times.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, min, sec]) => sum + Number(min) * 60 + Number(sec),
    0,
  );
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`;
}

/** Waits for the end of a child, then at most 5 s for the end of its output, which a remaining process may hold open. */
async function ended(child) {
  try {
    const closed = once(child, 'close');
    const result = await once(child, 'exit');
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 5000))]);
    return result;
  } catch (error) {
    return [String(error)];
  }
}

/** Sends a signal to the process group of a file. */
function killGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group has ended.
  }
}

/** Prints what was left out, the failures and the counts, and ends the run. */
async function report() {
  if (reported !== planned) failures.push(`${planned} files were planned, ${reported} reported`);
  failures.push(...(await leftBehind()));
  cleanUp.stdin.end();
  if (cleanUp.exitCode === null) await once(cleanUp, 'exit');
  if (skipped.size > 0) {
    console.log('\nleft out because something is missing here:');
    for (const [reason, files] of skipped) console.log(`    ${reason}: ${[...new Set(files)].join(', ')}`);
  }
  if (!asked.rest && texts.length === 0 && asked.suite === undefined) {
    console.log('\nleft out, `npm run test:all` runs them:');
    for (const suite of suites.filter(({ everyday }) => !everyday))
      console.log(`    ${suite.name}: ${suite.why}`);
  }
  if (failures.length > 0) console.log(`\nfailed:\n${failures.map((line) => `    ${line}`).join('\n')}`);
  console.log(`\n${planned} files in ${seconds(performance.now() - began).trim()}`);
  console.log(`${passed} passed, ${failures.length} failed`);
  process.exit(failures.length > 0 || passed === 0 ? 1 : 0);
}

/** The processes that tests left, by the mark in their environment. */
async function leftBehind() {
  const script =
    'grep -lsz "^BAILEY_TEST_RUN=$1\\$" /proc/[0-9]*/environ | sed "s|^/proc/\\([0-9]*\\)/.*|\\1|"';
  const { BAILEY_TEST_RUN: _, ...unmarked } = process.env;
  for (let tries = 0; ; tries++) {
    const { stdout } = spawnSync('sh', ['-c', script, 'sh', scratch], { env: unmarked, encoding: 'utf8' });
    const pids = stdout.split('\n').filter((pid) => pid !== '');
    if (pids.length === 0) return [];
    // What a test has killed may need a moment to end.
    if (tries === 100) {
      return pids.map((pid) => {
        const name = existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
        return `process ${pid} is left behind: ${name.replaceAll('\0', ' ')}`;
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
