import { Command } from 'commander';
import { optionHelp, variableHelp } from '../../terminal/setting.ts';
import { version } from '../../terminal/version.ts';
import { agentImageSettings, agentOptions, agentVariables } from '../agent/settings.ts';
import { castleClientSettings, controllerImageSettings, controllerOptions } from '../controller/settings.ts';
import { jvmSizingSettings } from '../jvm/settings.ts';
import { addHealthHelp } from './health.ts';
import { addJvmCommand } from './jvm.ts';
import { addZombiesCommand } from './zombies.ts';

/**
 * Returns the command line of `bailey` for commander: the commands that bailey.ts does not run without commander, and all help.
 */
export function baileyProgram(): Command {
  const program = new Command('bailey')
    .description('Prepares a Jenkins controller or agent in its container, then replaces itself with java.')
    .version(`bailey ${version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .enablePositionalOptions()
    .addHelpText('after', epilogue);
  addLaunchHelp(program, 'jenkins', 'prepare a Jenkins controller, then become its java', jenkinsHelp);
  addLaunchHelp(
    program,
    'agent',
    'wait for the controller, then become the java of a Jenkins agent',
    agentHelp,
  );
  addHealthHelp(program);
  addJvmCommand(program);
  addZombiesCommand(program);
  return program;
}

/**
 * Returns the command line of `bailey-agent`, for its help and version only: all other arguments are those of `bailey agent`.
 */
export function baileyAgentProgram(): Command {
  return new Command('bailey-agent')
    .description('Becomes the java of a Jenkins agent. As PID 1 it first starts bailey-init.')
    .version(`bailey-agent ${version}`, '-V, --version', 'print the version, if it is the only argument')
    .helpOption('-h, --help', 'print this help, if it is the only argument')
    .argument('[args...]', 'arguments of bailey agent, see below')
    .addHelpText('after', agentHelp);
}

/** Help only: bailey.ts runs these commands without loading commander. */
function addLaunchHelp(program: Command, name: string, summary: string, help: string): void {
  program
    .command(name)
    .summary(summary)
    .description(summary)
    .argument('[args...]', 'passed on unchanged, except for the options below')
    .helpOption(false)
    .addHelpText('after', help);
}

const epilogue = `
Examples:
  ENTRYPOINT ["bailey-init", "--", "bailey", "jenkins"]
                                  entrypoint of a controller image
  bailey jenkins --httpPort=9090  pass --httpPort=9090 to Jenkins
  bailey jenkins bash             fill JENKINS_HOME, then run bash
  bailey agent -url http://jenkins:8080 -secret @/run/secret -name build-1
  HEALTHCHECK CMD ["bailey", "health"]
                                  check the controller or agent of the container
  bailey jvm --limit 2G           show the java options for a container of 2 GiB, and why
  bailey zombies                  show the zombie processes here, why they stay, and the fix

bailey help jenkins and bailey help agent list the options and variables of these commands.

Exit codes, until another program has taken over:
  64  wrong command line              69  castle or controller cannot be reached
  70  internal error of bailey        73  a file or directory cannot be created
  74  reading or writing failed       75  timed out or in use; a later try may succeed
  77  permission denied               78  wrong configuration
  126 program is not executable       127 program not found
  128+n  ended by signal n
After that, the exit code is that of the other program.`;

const javaSizing = `
Java in a container with a memory or CPU limit:
${variableHelp(jvmSizingSettings)}`;

const jenkinsHelp = `
Without arguments, or if the first argument starts with -, java runs jenkins.war with them.
Any other first argument is a program, which runs after JENKINS_HOME has been filled.
--help is an argument for jenkins.war, as in the official image; if there is no jenkins.war, it
prints this help.

Options of bailey jenkins itself, before all other arguments:
${optionHelp(controllerOptions)}

Variables, as in the official image; an empty variable counts as not set:
${variableHelp(controllerImageSettings)}
${javaSizing}

Storage:
${variableHelp(castleClientSettings)}`;

const agentHelp = `
The arguments are those of agent.jar. A single argument that does not start with - is a program
to run instead. --help prints this help; agent.jar's own help is -help.

The secret is not visible in the process list or in the environment of builds. PID 1 was started
with it, too: bailey-init --forget JENKINS_SECRET,REMOTING_OPTS,- erases it there.

Options of bailey agent itself, before all other arguments:
${optionHelp(agentOptions)}

Variables, as in the official image; an empty variable counts as not set:
${variableHelp(agentImageSettings)}

Variables of bailey agent itself:
${variableHelp(agentVariables)}
${javaSizing}`;
