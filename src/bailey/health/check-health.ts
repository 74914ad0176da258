import { ticksPerSecond } from '../../linux/process-stat.ts';
import { uptimeSeconds } from '../processes/process-table.ts';
import { controllerEndpoint } from './controller-endpoint.ts';
import { type HealthResult, unhealthy } from './health-result.ts';
import { findJenkins, type JenkinsProcess, type JenkinsProcesses, type Role } from './jenkins-process.ts';

/** What to check. */
export interface HealthCheckRequest {
  /** The role to check. Default (undefined): determined by the running processes, then by the environment. */
  readonly role: Role | undefined;
  /** Root URLs of the controller, all of which must answer. Default (empty): read from java's command line. */
  readonly urls: readonly URL[];
  readonly timeoutMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Checks the controller or agent of this container.
 * @throws Failure 69 when /proc shows no processes
 */
export async function checkHealth(request: HealthCheckRequest): Promise<HealthResult> {
  const { role, env } = request;
  const found = findJenkins({ war: env['JENKINS_WAR'], agent: env['JENKINS_AGENT_FILE'] }, role);
  if (found.java === undefined) return notRunning(role, found, env);
  const { stat } = found.java;
  if (stat.state === 'T' || stat.state === 't')
    return unhealthy(
      `the ${found.java.role}'s java (pid ${stat.pid}) is stopped (state ${stat.state}): kill -CONT resumes it`,
    );
  if (found.java.role === 'controller') return checkControllerHealth(found.java, request);
  // Dynamic: the check of a controller does not need it.
  const { checkAgentHealth } = await import('./check-agent-health.ts');
  return checkAgentHealth(found.java, request.urls, env['http_proxy']);
}

async function checkControllerHealth(
  { stat, arguments: args }: JenkinsProcess,
  { urls, timeoutMs }: HealthCheckRequest,
): Promise<HealthResult> {
  const endpoint = urls.length > 0 ? undefined : controllerEndpoint(args);
  if (endpoint !== undefined && 'fault' in endpoint) return unhealthy(`${endpoint.fault}; set --url`);
  const { checkHealthPage } = await import('./check-health-page.ts');
  const roots = endpoint === undefined ? urls : [endpoint.url];
  const results = await Promise.all(roots.map((root) => checkHealthPage(root, timeoutMs)));
  const result = results.find(({ healthy }) => !healthy) ?? results[0];
  if (result === undefined || result.healthy) return result ?? unhealthy('nothing was checked');
  const ageSeconds = Math.round(uptimeSeconds() - stat.startTicks / ticksPerSecond);
  return unhealthy(`${result.reason}; its java has been running for ${ageSeconds} s`);
}

/** Returns the result when no java of Jenkins runs: bailey may still be preparing it. */
function notRunning(
  wanted: Role | undefined,
  { defunct, entrypoint }: JenkinsProcesses,
  env: HealthCheckRequest['env'],
): HealthResult {
  const role = wanted ?? entrypoint ?? roleByEnvironment(env);
  if (role === undefined) return unhealthy('neither a controller nor an agent runs here; set --role');
  if (defunct !== undefined)
    return unhealthy(`the ${role}'s java (pid ${defunct.pid}) has ended, and has not been reaped`);
  if (entrypoint === role)
    return unhealthy(`the ${role}'s java is not running: bailey is still preparing it, or it has ended`);
  return unhealthy(`the ${role}'s java does not run`);
}

function roleByEnvironment(env: HealthCheckRequest['env']): Role | undefined {
  if (env['JENKINS_WAR'] || env['JENKINS_HOME']) return 'controller';
  return ['JENKINS_AGENT_FILE', 'JENKINS_AGENT_WORKDIR', 'JENKINS_SECRET', 'JENKINS_URL'].some(
    (name) => env[name],
  )
    ? 'agent'
    : undefined;
}
