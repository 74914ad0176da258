/**
 * `npm run demo`: Bailey's main job on embedded defaults. A castle with a temporary folder, a container made of Linux
 * namespaces, a controller with builds that leave orphans; then a second container on the same volume.
 *
 *   JENKINS_WAR=/path/jenkins.war npm run demo      runs a real Jenkins instead of the stand-in
 *
 * Exit status: 0 all came true; 1 something did not; 69 containers cannot be made here; 74 the output
 * cannot be written; 78 JENKINS_WAR is none; 128+n ended by signal n.
 */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorMessage, Failure, Interrupted } from '../src/terminal/failure.ts';
import { outputFailure } from '../src/terminal/print.ts';
import { endingSignals, signalNumber } from '../src/terminal/signals.ts';
import { requireNamespaces } from './namespaces.ts';
import { realWar } from './real-war.ts';
import { screenFor } from './screen.ts';
import { standIn } from './stand-in.ts';
import { tellStory } from './story.ts';
import { makeWorkspace, removeWorkspace } from './workspace.ts';

const title = `Bailey: a container whose PID 1 is bailey-init, with storage from a castle.

What will happen: a castle starts; a container gets its storage from it and runs builds that leave orphans;
it is stopped with SIGTERM; a second container finds the data of the first. All of it in a temporary folder.`;

/** Variables of the caller that the castle and the container need; the rest is none of theirs. */
const passedOn = ['PATH', 'JAVA_HOME', 'LANG', 'JAVA_OPTS', 'JENKINS_OPTS'];

async function main(): Promise<number> {
  requireNamespaces(process.env, process.argv.slice(1));
  const war = process.env['JENKINS_WAR'];
  const warPath = war ? resolve(war) : undefined; // by the caller's folder, not ours
  process.chdir(join(dirname(fileURLToPath(import.meta.url)), '../..'));
  const screen = screenFor(process.stdout, Date.now, process.env['TERM']);
  const signal = endingSignal();
  const workspace = makeWorkspace();
  try {
    const env = Object.fromEntries(
      passedOn.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
    );
    screen.line(title);
    const controller = warPath === undefined ? standIn(env, workspace.folder) : await realWar(warPath, env);
    const faults = await tellStory({ workspace, war: controller, screen, signal, env });
    screen.line(
      faults.length === 0 ? 'All of it came true.' : `Not all of it came true: ${faults.join('; ')}.`,
    );
    signal.throwIfAborted();
    return faults.length === 0 ? 0 : 1;
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    screen.line('\nInterrupted: everything is being cleaned up.');
    throw signal.reason;
  } finally {
    if (!removeWorkspace(workspace)) screen.line(`${workspace.folder} is left: something is mounted in it`);
  }
}

/** An ending signal, or the end of who reads us, ends the story, not the process: what was started has to be stopped. */
function endingSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of endingSignals) process.on(name, () => controller.abort(new Interrupted(name)));
  process.stdout.on('error', (error) => controller.abort(outputFailure(error)));
  process.stderr.on('error', () => undefined); // there is nobody left to tell
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
