import { launchController } from '../controller/controller.ts';
import { runLaunch } from './launch.ts';

/** `bailey jenkins [ARGS…]`: prepares a Jenkins controller and becomes java, or the program that ARGS name. */
export const jenkins = (args: readonly string[]): Promise<never> =>
  runLaunch('jenkins', args, launchController);
