import { existsSync } from 'node:fs';
import { launchController } from '../controller/launch-controller.ts';
import { controllerDefaults } from '../controller/settings.ts';
import { runLaunch } from './launch.ts';
import { isHelpRequest, printLaunchHelp } from './launch-help.ts';

/**
 * `bailey jenkins [ARGS…]`: prepares a Jenkins controller and becomes java, or the program that ARGS name. `--help` goes
 * to jenkins.war, as in the official image; without a jenkins.war it prints the help of this command.
 */
export async function jenkins(args: readonly string[]): Promise<undefined> {
  if (isHelpRequest(args) && !existsSync(process.env['JENKINS_WAR'] || controllerDefaults.war))
    return printLaunchHelp('jenkins');
  return runLaunch('jenkins', args, launchController);
}
