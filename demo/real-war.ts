import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { Failure } from '../src/terminal/failure.ts';
import { start } from './started.ts';
import { inHome, type War } from './war.ts';

/** Twenty orphans a second, one line for each. */
const orphanLoop = 'while :; do (sleep 0.3 >/dev/null 2>&1 &); echo; sleep 0.04; done';

/** Written once, when a JENKINS_HOME is new; a controller that finds none makes another. */
const identity = 'secret.key';

/**
 * A real jenkins.war. It has no builds of its own here: a shell loop beside it, in its container, leaves the orphans.
 * @param war absolute path
 * @throws Failure config when there is no such file, or it is no archive
 */
export async function realWar(war: string, env: Readonly<Record<string, string>>): Promise<War> {
  if (!statSync(war, { throwIfNoEntry: false })?.isFile()) {
    throw new Failure(
      'config',
      `JENKINS_WAR ${war} is not a file`,
      'set it to the path of a jenkins.war, or leave it out',
    );
  }
  // Java ends with 0 or 1 and a word about the archive, somewhere in the middle of the story.
  if (!isArchive(war)) {
    throw new Failure(
      'config',
      `JENKINS_WAR ${war} is not an archive`,
      'set it to the path of a jenkins.war',
    );
  }
  const port = await freePort();
  return {
    description: `${war}, on port ${port}`,
    env: {
      ...env,
      JENKINS_WAR: war,
      JENKINS_OPTS: `${env['JENKINS_OPTS'] ?? ''} --httpPort=${port} --httpListenAddress=127.0.0.1`,
      JAVA_OPTS: `${env['JAVA_OPTS'] ?? ''} -Djenkins.install.runSetupWizard=false`,
    },
    readyWithinMs: 240_000,
    stopsWithinMs: 60_000,
    async isReady() {
      // 503 while it starts; 403 when somebody has to log in first.
      const answer = await fetch(`http://127.0.0.1:${port}/login`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.ok === true;
    },
    async leaveOrphans({ pid1 }) {
      const target = ['--target', String(pid1), '--pid', '--mount'];
      let orphans = 0;
      // It ends with the container's PID namespace.
      await start(['nsenter', ...target, 'sh', '-c', orphanLoop], env, (line) => {
        if (line === '') orphans += 1;
      });
      return { count: () => orphans };
    },
    remember(container) {
      const known = digest(inHome(container, identity));
      return {
        text: `a controller with the identity ${known.slice(0, 12)}`,
        foundBy: (next) =>
          digest(inHome(next, identity)) === known ? `The same identity, ${known.slice(0, 12)}` : undefined,
      };
    },
  };
}

function isArchive(file: string): boolean {
  const start = Buffer.alloc(2);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, start);
  } finally {
    closeSync(fd);
  }
  return start.toString() === 'PK';
}

const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolvePort(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
