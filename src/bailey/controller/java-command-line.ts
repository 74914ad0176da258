import type { ControllerConfig } from './controller-config.ts';

export const agentPortProperty = 'jenkins.model.Jenkins.slaveAgentPort';
const lifecycleProperty = 'hudson.lifecycle';

/**
 * Java's arguments for a controller, as the official script puts them together, save for two of its defects: a property
 * counts as given in JENKINS_JAVA_OPTS as well as in JAVA_OPTS, and only when it is that property (the script searches
 * for text, and takes jenkins.model.Jenkins.slaveAgentPortEnforce for the port).
 * @param jvm options of our own: those that were given come later, and win
 * @param args arguments of `bailey jenkins`: they come last
 */
export function javaArguments(
  config: ControllerConfig,
  jvm: readonly string[],
  args: readonly string[],
): string[] {
  const given = (property: string): boolean => isPropertySet(config.javaOptions, property);
  return [
    `-Duser.home=${config.home}`,
    ...jvm,
    ...config.javaOptions,
    ...(config.agentPort === undefined || given(agentPortProperty)
      ? []
      : [`-D${agentPortProperty}=${config.agentPort}`]),
    // Jenkins ends instead of execing itself on a restart: starting again is the engine's duty.
    ...(given(lifecycleProperty) ? [] : [`-D${lifecycleProperty}=hudson.lifecycle.ExitLifecycle`]),
    ...(config.debug ? ['-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=*:5005'] : []),
    '-jar',
    config.war,
    ...config.jenkinsOptions,
    ...args,
  ];
}

/** Whether options for java set a system property, to whatever value. */
export const isPropertySet = (javaOptions: readonly string[], property: string): boolean =>
  javaOptions.some((option) => option === `-D${property}` || option.startsWith(`-D${property}=`));

/** Whether the arguments are for Jenkins: there are none, or the first is an option; else they are another program. */
export const isForJenkins = (args: readonly string[]): boolean =>
  args[0] === undefined || args[0].startsWith('-');
