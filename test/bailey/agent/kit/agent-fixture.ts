import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Ended, installBailey, run, temporaryFolder } from '../../kit/bailey.ts';

/** The secret and name arguments of an agent. */
export const identity = ['-secret', 'c0ffee5ec2e7', '-name', 'n'] as const;

/** A copy of `bailey` in its own folder, with a `java` that prints its arguments. */
export interface AgentFixture {
  readonly folder: string;
  readonly bailey: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs `bailey agent` with these arguments. */
  readonly agent: (args: readonly string[], env?: NodeJS.ProcessEnv) => Promise<Ended>;
}

export function createAgentFixture(t: Test): AgentFixture {
  const folder = temporaryFolder(t);
  const bailey = installBailey(folder);
  writeFileSync(join(folder, 'java'), '#!/bin/sh\necho java ran "$@"\n', { mode: 0o755 });
  writeFileSync(join(folder, 'agent.jar'), '');
  const env = { PATH: `${folder}:/usr/bin:/bin`, JENKINS_AGENT_FILE: join(folder, 'agent.jar') };
  return {
    folder,
    bailey,
    env,
    agent: (args, more = {}) => run(bailey, { args: ['agent', ...args], env: { ...env, ...more } }),
  };
}
