/** An agent's work directory: problems are reported before java starts. */
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { program, requires, root } from '../../kit/needs.ts';
import { type Ended, installBailey, knownController, run, temporaryFolder } from '../kit/bailey.ts';

interface AgentFixture {
  readonly bailey: string;
  readonly work: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A valid fixture: a work directory, a jar, and as java a script that prints that it ran. */
function createAgentFixture(t: Test): AgentFixture {
  const folder = temporaryFolder(t);
  const work = join(folder, 'work');
  mkdirSync(work);
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/java'), '#!/bin/sh\necho java ran\n', { mode: 0o755 });
  writeFileSync(join(folder, 'agent.jar'), '');
  const env = {
    PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
    JENKINS_AGENT_FILE: join(folder, 'agent.jar'),
    JENKINS_AGENT_WORKDIR: work,
    ...knownController,
  };
  return { bailey: installBailey(folder), work, env };
}

/** Asserts one line on stderr, the exit code, and that java was not started. */
function refused(t: Test, ran: Ended, code: number, line: RegExp): void {
  t.equal(ran.code, code, ran.stderr);
  t.match(ran.stderr, line);
  t.match(ran.stderr, /^bailey: [^\n]+\n$/, 'one line');
  t.notMatch(ran.stdout, /java ran/);
}

t.test(
  'a missing work directory is created by agent.jar, unless -failIfWorkDirIsMissing is given',
  async (t) => {
    const { bailey, work, env } = createAgentFixture(t);
    const missing = { ...env, JENKINS_AGENT_WORKDIR: join(work, 'not/yet') };
    const ran = await run(bailey, { args: ['agent'], env: missing });
    t.match(ran, { code: 0, stdout: 'java ran\n' }, ran.stderr);
    t.notOk(existsSync(join(work, 'not')), 'bailey does not create it');
    refused(
      t,
      await run(bailey, { args: ['agent', '-failIfWorkDirIsMissing'], env: missing }),
      73,
      /^bailey: -workDir \S+\/not\/yet does not exist; .*mkdir -p \S+\/not\/yet/,
    );
  },
);

t.test('a work directory that is a file, or below a file, is rejected', async (t) => {
  const { bailey, env } = createAgentFixture(t);
  const file = env['JENKINS_AGENT_FILE'] ?? '';
  for (const [path, line] of [
    [file, /-workDir \S+\/agent\.jar is not a folder;/],
    [`${file}/work`, /-workDir \S+\/agent\.jar\/work is below a file;/],
  ] as const)
    refused(
      t,
      await run(bailey, { args: ['agent', '-workDir', path], env: { ...env, JENKINS_AGENT_WORKDIR: '' } }),
      73,
      line,
    );
});

if (requires(t, root, program('unshare'), program('mount'), program('nsenter'))) {
  t.test('a work directory of another owner is rejected for a user without a passwd entry', async (t) => {
    const { bailey, work, env: all } = createAgentFixture(t);
    const args = ['agent', '-name', '-workDir'];
    const env = { ...all, JENKINS_NAME: '' };
    const uid = 4321;
    refused(
      t,
      await run(bailey, { args, env, uid }),
      77,
      /-workDir \S+\/work cannot be written: uid 4321, gid 4321, owner 0:0, mode 0755, \w+ rw; .*chown 4321:4321 \S+\/work/,
    );
    const below = { ...env, JENKINS_AGENT_WORKDIR: join(work, 'deep/below') };
    refused(
      t,
      await run(bailey, { args, env: below, uid }),
      77,
      /-workDir \S+\/below cannot be created: uid 4321, gid 4321, owner of \S+\/work 0:0, /,
    );

    chownSync(work, uid, uid);
    chmodSync(work, 0o700);
    const ran = await run(bailey, { args, env, uid });
    t.match(ran, { code: 0, stdout: 'java ran\n' });
    t.match(
      ran.stderr,
      /^bailey: warning: uid 4321 has no entry in \/etc\/passwd, .*'jenkins4321:x:4321:4321::\S+\/work:\/bin\/sh' >> \/etc\/passwd\n$/,
    );
    t.strictSame(readdirSync(work), [], 'the check leaves no file');
  });

  /** Runs in a new mount namespace: the mounts end with the process. */
  const inMounts = (script: string): string[] => [
    'unshare',
    '--mount',
    'sh',
    '-ec',
    `${script}; exec "$@"`,
    'sh',
  ];

  t.test('a work directory on a read-only mount is rejected', async (t) => {
    const { bailey, work, env } = createAgentFixture(t);
    const below = inMounts(`mount --bind '${work}' '${work}'; mount -o remount,bind,ro '${work}'`);
    const sentence =
      /-workDir \S+\/work cannot be written, it is mounted read-only: uid 0, .* ro; mount it read-write/;
    refused(t, await run(bailey, { args: ['agent'], env, below }), 77, sentence);
    const missing = { ...env, JENKINS_AGENT_WORKDIR: join(work, 'below') };
    refused(
      t,
      await run(bailey, { args: ['agent'], env: missing, below }),
      77,
      /below cannot be created, it is mounted read-only/,
    );
  });

  t.test('a work directory without free bytes or free inodes is rejected', async (t) => {
    const { bailey, work, env } = createAgentFixture(t);
    for (const [size, fill, line] of [
      [
        'size=64k',
        `head -c 64k /dev/zero > '${work}/fill'`,
        /is full: 0 of 65536 bytes and \d+ files are free/,
      ],
      ['nr_inodes=2', `: > '${work}/fill'`, /is full: \d+ of \d+ bytes and 0 files are free/],
    ] as const) {
      const below = inMounts(`mount -t tmpfs -o ${size} none '${work}'; ${fill}`);
      const ran = await run(bailey, { args: ['agent'], env, below });
      refused(
        t,
        ran,
        73,
        new RegExp(`-workDir \\S+/work cannot be written, tmpfs on \\S+/work ${line.source}; free space`),
      );
    }
  });

  t.test('in a user namespace, the remedy for the host contains the ids of the host', async (t) => {
    const { bailey, work, env } = createAgentFixture(t);
    // A bind mount, so that the folder belongs to the host; uid 1000 in the namespace is 101000 on the host.
    const script = `
      mount --bind '${work}' '${work}'
      unshare --user sleep 60 > /dev/null 2>&1 &
      until [ "$(readlink /proc/$!/ns/user)" != "$(readlink /proc/$$/ns/user)" ]; do :; done
      for kind in uid gid; do echo 0 100000 65536 > /proc/$!/"$kind"_map; done
      code=0
      nsenter --user --target $! --setuid 1000 --setgid 1000 "$@" || code=$?
      kill $!
      exit $code`;
    const below = ['unshare', '--mount', 'sh', '-ec', script, 'sh'];
    const ran = await run(bailey, { args: ['agent'], env, below });
    refused(
      t,
      ran,
      77,
      /-workDir \S+\/work cannot be written: uid 1000, gid 1000, owner 65534:65534, .*; on the host: chown 101000:101000 \S+\/work /,
    );
  });
}
