import type { ControllerConfig } from './controller-config.ts';

export const agentPortProperty = 'jenkins.model.Jenkins.slaveAgentPort';
const lifecycleProperty = 'hudson.lifecycle';

/**
 * Builds java's arguments for a controller like the official script, without two of its defects: a system property is
 * also recognized in JENKINS_JAVA_OPTS, and compared by its whole name (the script searches for text and mistakes
 * jenkins.model.Jenkins.slaveAgentPortEnforce for the port).
 * @param jvm options from the limits; configured options follow and override them
 * @param args arguments of `bailey jenkins`; they come last
 */
export function javaArguments(
  config: ControllerConfig,
  jvm: readonly string[],
  args: readonly string[],
): string[] {
  const isSet = (property: string): boolean => isPropertySet(config.javaOptions, property);
  return [
    `-Duser.home=${config.home}`,
    ...jvm,
    ...config.javaOptions,
    ...(config.agentPort === undefined || isSet(agentPortProperty)
      ? []
      : [`-D${agentPortProperty}=${config.agentPort}`]),
    // On a restart, Jenkins exits instead of execing itself: the container engine starts it again.
    ...(isSet(lifecycleProperty) ? [] : [`-D${lifecycleProperty}=hudson.lifecycle.ExitLifecycle`]),
    ...(config.debug ? ['-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=*:5005'] : []),
    '-jar',
    config.war,
    ...config.jenkinsOptions,
    ...args,
  ];
}

/** Whether java options set a system property. */
export const isPropertySet = (javaOptions: readonly string[], property: string): boolean =>
  javaOptions.some((option) => option === `-D${property}` || option.startsWith(`-D${property}=`));

/**
 * Whether the arguments are those of Jenkins: there are none, or the first is an option. Otherwise they name another
 * program.
 */
export const isForJenkins = (args: readonly string[]): boolean =>
  args[0] === undefined || args[0].startsWith('-');
