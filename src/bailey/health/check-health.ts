import { ticksPerSecond } from '../../linux/process-stat.ts';
import { uptimeSeconds } from '../processes/table.ts';
import { controllerEndpoint } from './endpoint.ts';
import { findJenkins, type JenkinsProcess, type Role, type Seen } from './jenkins-process.ts';
import { unhealthy, type Verdict } from './verdict.ts';

/** What is asked. */
export interface HealthQuestion {
  /** None: what runs here decides, then the environment. */
  readonly role: Role | undefined;
  /** Where the controller is, instead of what the command line says. A controller is asked at all of them. */
  readonly urls: readonly URL[];
  readonly timeoutMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Whether the controller or the agent of this container is well.
 * @throws Failure 69 when /proc shows no processes
 */
export async function checkHealth(question: HealthQuestion): Promise<Verdict> {
  const { role, env } = question;
  const seen = findJenkins({ war: env['JENKINS_WAR'], agent: env['JENKINS_AGENT_FILE'] }, role);
  if (seen.java === undefined) return notRunning(role, seen, env);
  const { stat } = seen.java;
  if (stat.state === 'T' || stat.state === 't')
    return unhealthy(
      `the ${seen.java.role}'s java (pid ${stat.pid}) is stopped (state ${stat.state}): kill -CONT lets it go on`,
    );
  if (seen.java.role === 'controller') return controller(seen.java, question);
  // Here and not above: a controller's check does without.
  const { agentHealth } = await import('./agent.ts');
  return agentHealth(seen.java, question.urls, env['http_proxy']);
}

async function controller(
  { stat, arguments: args }: JenkinsProcess,
  { urls, timeoutMs }: HealthQuestion,
): Promise<Verdict> {
  const endpoint = urls.length > 0 ? undefined : controllerEndpoint(args);
  if (endpoint !== undefined && 'fault' in endpoint)
    return unhealthy(`${endpoint.fault}; say where with --url`);
  const { controllerHealth } = await import('./controller.ts');
  const roots = endpoint === undefined ? urls : [endpoint.url];
  const verdicts = await Promise.all(roots.map((root) => controllerHealth(root, timeoutMs)));
  const verdict = verdicts.find(({ healthy }) => !healthy) ?? verdicts[0];
  if (verdict === undefined || verdict.healthy) return verdict ?? unhealthy('nothing was asked');
  const ageSeconds = Math.round(uptimeSeconds() - stat.startTicks / ticksPerSecond);
  return unhealthy(`${verdict.reason}; its java has been running for ${ageSeconds} s`);
}

/** No java of Jenkins: somebody may still be preparing it, and the environment says what it would be. */
function notRunning(
  wanted: Role | undefined,
  { defunct, entrypoint }: Seen,
  env: HealthQuestion['env'],
): Verdict {
  const role = wanted ?? entrypoint ?? roleByEnvironment(env);
  if (role === undefined)
    return unhealthy('neither a controller nor an agent runs here; say which one is meant with --role');
  if (defunct !== undefined)
    return unhealthy(`the ${role}'s java (pid ${defunct.pid}) has ended, and nobody has reaped it`);
  if (entrypoint === role)
    return unhealthy(`the ${role}'s java does not run: bailey is still preparing it, or it has ended`);
  return unhealthy(`the ${role}'s java does not run`);
}

function roleByEnvironment(env: HealthQuestion['env']): Role | undefined {
  if (env['JENKINS_WAR'] || env['JENKINS_HOME']) return 'controller';
  return ['JENKINS_AGENT_FILE', 'JENKINS_AGENT_WORKDIR', 'JENKINS_SECRET', 'JENKINS_URL'].some(
    (name) => env[name],
  )
    ? 'agent'
    : undefined;
}
