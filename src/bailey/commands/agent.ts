import { launchAgent } from '../agent/launch-agent.ts';
import { runLaunch } from './launch.ts';
import { isHelpRequest, printLaunchHelp } from './launch-help.ts';

/** What bailey-init erases from PID 1 for `bailey agent`: `-` means all arguments, as the secret may be positional. */
const secrets = ['JENKINS_SECRET', 'REMOTING_OPTS', '-'];

/** `bailey agent [ARGS…]`: becomes the java of a Jenkins agent, or the program that is the only argument. */
export async function agent(args: readonly string[]): Promise<undefined> {
  if (isHelpRequest(args)) return printLaunchHelp('agent'); // agent.jar's own is -help
  return runLaunch('agent', args, launchAgent, secrets);
}
