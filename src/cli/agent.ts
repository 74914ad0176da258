import { launchAgent } from '../agent/agent.ts';
import { runLaunch } from './launch.ts';

/** What `bailey agent` hides from others. */
const secrets = ['JENKINS_SECRET', '-secret', '-credentials', '-proxyCredentials'];

/** `bailey agent [ARGS…]`: becomes the java of a Jenkins agent, or the program that the only argument names. */
export const agent = (args: readonly string[]): Promise<never> =>
  runLaunch('agent', args, launchAgent, secrets);
