import { launchAgent } from '../agent/launch-agent.ts';
import { runLaunch } from './launch.ts';
import { isHelpRequest, printLaunchHelp } from './launch-help.ts';

/** The --forget list of bailey-init for `bailey agent`: `-` means all arguments, because the secret may be positional. */
const secrets = ['JENKINS_SECRET', 'REMOTING_OPTS', '-'];

/** `bailey agent [ARGS…]`: becomes the java of a Jenkins agent, or the program that is the only argument. */
export async function agent(args: readonly string[]): Promise<undefined> {
  if (isHelpRequest(args)) return printLaunchHelp('agent'); // agent.jar's own is -help
  return runLaunch('agent', args, launchAgent, secrets);
}
