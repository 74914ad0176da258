/**
 * `npm run demo`: Bailey's main job on embedded defaults. A castle with a temporary folder, a container made of Linux
 * namespaces, a controller with builds that leave orphans; then a second container on the same volume.
 *
 *   JENKINS_WAR=/path/jenkins.war npm run demo      runs a real Jenkins instead of the stand-in
 *
 * Exit status: 0 all came true; 1 something did not; 69 containers cannot be made here; 128+n ended by signal n.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorMessage, Failure, Interrupted } from '../src/failure.ts';
import { signalNumber } from '../src/launch/signals.ts';
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
  const screen = screenFor(process.stdout, Date.now);
  const signal = endingSignal();
  const workspace = makeWorkspace();
  try {
    const env = Object.fromEntries(
      passedOn.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
    );
    const path = process.env['JENKINS_WAR'];
    screen.line(title);
    const war = path ? await realWar(path, env) : standIn(env, workspace.folder);
    const faults = await tellStory({ workspace, war, screen, signal, env });
    screen.line(
      faults.length === 0 ? 'All of it came true.' : `Not all of it came true: ${faults.join('; ')}.`,
    );
    return faults.length === 0 ? 0 : 1;
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    screen.line('\nInterrupted: everything is being cleaned up.');
    throw signal.reason;
  } finally {
    if (!removeWorkspace(workspace)) screen.line(`${workspace.folder} is left: something is mounted in it`);
  }
}

/** ^C, SIGTERM and SIGHUP end the story, not the process: what was started has to be stopped. */
function endingSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => controller.abort(new Interrupted(name)));
  }
  return controller.signal;
}

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '../..'));
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
