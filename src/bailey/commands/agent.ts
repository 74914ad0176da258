import { launchAgent } from '../agent/agent.ts';
import { runLaunch } from './launch.ts';

/** What process 1 forgets for `bailey agent`; all arguments (`-`), since the secret may be given by its place. */
const secrets = ['JENKINS_SECRET', 'REMOTING_OPTS', '-'];

/** `bailey agent [ARGS…]`: becomes the java of a Jenkins agent, or the program that the only argument names. */
export const agent = (args: readonly string[]): Promise<never> =>
  runLaunch('agent', args, launchAgent, secrets);
