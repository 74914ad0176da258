import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Test } from 'tap';

/** A requirement of a test: returns undefined when it is met, otherwise the reason why the test cannot run. */
export type Need = string | undefined;

/** The user is root. */
export const root = (): Need => (process.getuid?.() === 0 ? undefined : 'needs root');

/** A program on the PATH. */
export const program =
  (name: string): (() => Need) =>
  () =>
    spawnSync('sh', ['-c', `command -v ${name}`]).status === 0 ? undefined : `needs ${name} on the PATH`;

/** A container engine that answers (DOCKER_HOST, or the default socket). */
export const engine = (): Need =>
  spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 }).status === 0
    ? undefined
    : 'needs a Docker engine that answers (set DOCKER_HOST)';

/** PID namespaces: root, or user namespaces for all users. */
export const pidNamespace = (): Need =>
  spawnSync('unshare', [...(process.getuid?.() === 0 ? [] : ['-Ur']), '--pid', '--fork', 'true']).status === 0
    ? undefined
    : 'needs PID namespaces (root, or user namespaces)';

/** The path of the agent as one file. BAILEY_TEST_AGENT selects one with another release of Node. */
export const agentFile = process.env['BAILEY_TEST_AGENT'] ?? 'dist/bailey-agent';

/** The agent as one file, which only some builds make. */
export const injectedAgent = (): Need =>
  existsSync(agentFile) ? undefined : 'needs dist/bailey-agent (npm run build -- --inject)';

/**
 * Skips the tests with the reasons when a requirement is not met. With CI=true a skip is a failure.
 * @returns whether the tests can run
 */
export function requires(t: Test, ...needs: (() => Need)[]): boolean {
  const missing = needs.map((need) => need()).filter((reason) => reason !== undefined);
  if (missing.length === 0) return true;
  const reason = missing.join('; ');
  if (process.env['CI'] === 'true') t.fail(`skipped in CI: ${reason}`);
  // As a separate test: the file may have other tests that can run.
  else t.skip(reason, () => undefined);
  return false;
}
