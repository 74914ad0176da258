import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { Failure } from '../src/terminal/failure.ts';
import { startProgram } from './child-program.ts';
import { type Controller, pathInHome } from './controller.ts';

/** Twenty orphans a second, one line for each. */
const orphanLoop = 'while :; do (sleep 0.3 >/dev/null 2>&1 &); echo; sleep 0.04; done';

/** Jenkins writes this file when JENKINS_HOME is new, and never changes it. */
const identityFile = 'secret.key';

/**
 * A real jenkins.war. It runs no builds here: a shell loop in its container leaves the orphans.
 * @param war absolute path
 * @throws Failure config when the file is missing, or is not an archive
 */
export async function realJenkins(war: string, env: Readonly<Record<string, string>>): Promise<Controller> {
  if (!statSync(war, { throwIfNoEntry: false })?.isFile()) {
    throw new Failure(
      'config',
      `JENKINS_WAR ${war} is not a file`,
      'set it to the path of a jenkins.war, or leave it out',
    );
  }
  // Checked here, because java would end in the middle of the demo.
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
      // 503 while it starts.
      const answer = await fetch(`http://127.0.0.1:${port}/login`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.ok === true;
    },
    async leaveOrphans({ pid1 }) {
      const target = ['--target', String(pid1), '--pid', '--mount'];
      let orphans = 0;
      // It ends with the container's PID namespace.
      await startProgram(['nsenter', ...target, 'sh', '-c', orphanLoop], env, (line) => {
        if (line === '') orphans += 1;
      });
      return { count: () => orphans };
    },
    savedData(container) {
      const known = digestOf(pathInHome(container, identityFile));
      return {
        description: `a controller with the identity ${known.slice(0, 12)}`,
        foundBy: (next) =>
          digestOf(pathInHome(next, identityFile)) === known
            ? `the same identity, ${known.slice(0, 12)}`
            : undefined,
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

const digestOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolvePort(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
