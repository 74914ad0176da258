/**
 * `npm run demo` shows what Bailey does, in containers made of Linux namespaces, with all data in a temporary folder. A
 * controller whose builds leave orphans runs first without an init, then with bailey-init and a castle's volume; a third
 * container finds the data on the same volume.
 *
 *   JENKINS_WAR=/path/jenkins.war npm run demo      runs a real Jenkins instead of the stand-in
 *
 * Exit codes: 0 all checks passed; 1 a check failed; 69 this machine does not allow containers; 74 the output cannot be
 * written; 78 JENKINS_WAR is not a war; 128+n ended by signal n.
 */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endingSignals, signalNumber } from '../src/terminal/ending-signals.ts';
import { errorMessage, Failure, Interrupted } from '../src/terminal/failure.ts';
import { outputFailure } from '../src/terminal/print.ts';
import { requireNamespaces } from './namespaces.ts';
import { realJenkins } from './real-jenkins.ts';
import { runScenario } from './scenario.ts';
import { screenFor } from './screen.ts';
import { standIn } from './stand-in.ts';
import { makeWorkspace, removeWorkspace } from './workspace.ts';

const title = `Bailey: process 1 for containers, and storage that follows them.

What will happen: a program runs in a container without bailey-init and leaves orphans, which stay as zombies. A castle
starts. The same program runs in a container with bailey-init and a volume from the castle, and is stopped with SIGTERM.
Another container finds its data. All files are in a temporary folder.`;

/** The only variables of the caller that the castle and the containers get. */
const passedOn = ['PATH', 'JAVA_HOME', 'LANG', 'JAVA_OPTS', 'JENKINS_OPTS'];

async function main(): Promise<number> {
  requireNamespaces(process.env, process.argv.slice(1));
  const war = process.env['JENKINS_WAR'];
  const warPath = war ? resolve(war) : undefined; // relative to the caller's folder, before chdir()
  process.chdir(join(dirname(fileURLToPath(import.meta.url)), '../..'));
  const screen = screenFor(process.stdout, Date.now, process.env['TERM']);
  const signal = endingSignal();
  const workspace = makeWorkspace();
  try {
    const env = Object.fromEntries(
      passedOn.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
    );
    screen.line(title);
    const controller =
      warPath === undefined ? standIn(env, workspace.folder) : await realJenkins(warPath, env);
    const failures = await runScenario({ workspace, controller, screen, signal, env });
    screen.line(failures.length === 0 ? 'All checks passed.' : `Some checks failed: ${failures.join('; ')}.`);
    signal.throwIfAborted();
    return failures.length === 0 ? 0 : 1;
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    screen.line('\nInterrupted: cleaning up.');
    throw signal.reason;
  } finally {
    if (!removeWorkspace(workspace))
      screen.line(`${workspace.folder} was not removed: something is mounted in it`);
  }
}

/** A signal or a closed output ends the scenario, not the process, which must first stop the processes that it started. */
function endingSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of endingSignals) process.on(name, () => controller.abort(new Interrupted(name)));
  process.stdout.on('error', (error) => controller.abort(outputFailure(error)));
  process.stderr.on('error', () => undefined); // no output is left
  return controller.signal;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (thrown: unknown) => {
    if (thrown instanceof Interrupted) {
      process.exitCode = 128 + signalNumber(thrown.signal);
      return;
    }
    process.stderr.write(`demo: ${errorMessage(thrown)}\n`);
    process.exitCode = thrown instanceof Failure ? thrown.exitCode : 1;
  },
);
