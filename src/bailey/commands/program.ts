import { Command } from 'commander';
import { version } from '../../terminal/version.ts';
import { describeHealth } from './health.ts';
import { addJvm } from './jvm.ts';
import { addZombies } from './zombies.ts';

/** The command line of `bailey`, for what bailey.ts doesn't run by itself. */
export function describeBailey(): Command {
  const program = new Command('bailey')
    .description('Prepares Jenkins controllers and agents in containers, and then gets out of their way.')
    .version(`bailey ${version}`, '--version', 'print the version')
    .helpOption('--help', 'print this')
    .enablePositionalOptions()
    .addHelpText('after', epilogue);
  describeLaunch(program, 'jenkins', 'prepare a Jenkins controller, then become java', jenkinsEnvironment);
  describeLaunch(
    program,
    'agent',
    'wait for the controller, then become the java of a Jenkins agent',
    agentEnvironment,
  );
  describeHealth(program);
  addJvm(program);
  addZombies(program);
  return program;
}

/** The command line of `bailey-agent`, for its own help and version only: all else is the agent's. */
export function describeBaileyAgent(): Command {
  return new Command('bailey-agent')
    .description('Becomes the java of a Jenkins agent; as process 1 it is its init, too.')
    .version(`bailey-agent ${version}`, '--version', 'print the version, when it is the only argument')
    .helpOption('--help', 'print this, when it is the only argument')
    .argument('[args...]', 'as for bailey agent; see below')
    .addHelpText('after', agentEnvironment);
}

/** For the help only: bailey.ts runs these commands before commander is loaded. */
function describeLaunch(program: Command, name: string, summary: string, environment: string): void {
  program
    .command(name)
    .summary(summary)
    .description(summary)
    .argument('[args...]', 'passed on untouched, --help too, but for what is named below')
    .helpOption(false)
    .addHelpText('after', environment);
}

const epilogue = `
Examples:
  ENTRYPOINT ["bailey-init", "--", "bailey", "jenkins"]
                                  a controller's image; everything is set by the environment
  bailey jenkins --httpPort=9090  --httpPort=9090 goes to Jenkins
  bailey jenkins bash             fill JENKINS_HOME, then run bash
  bailey agent -url http://jenkins:8080 -secret @/run/secret -name build-1
  HEALTHCHECK CMD ["bailey", "health"]
                                  whether the controller or agent of the container is well
  bailey jvm --limit 2G           what java would get in a container of 2 GiB, and why
  bailey zombies                  who has defunct processes here, why, and what to do

Exit codes before another program has taken over:
  64  wrong command line          69  castle or controller cannot be reached
  70  a fault of bailey's own     73  a file or folder cannot be made
  74  reading or writing failed   75  it took too long; try again
  77  no permission               78  a setting is wrong
  126 found, but not executable   127 program not found
  128+n  ended by signal n
Afterwards the exit codes are that program's.`;

const jenkinsEnvironment = `
No argument, or the first one starts with -: java runs jenkins.war with them.
Anything else is a program, which runs when JENKINS_HOME has been filled.

Options of bailey's own, before all arguments:
  --advertise auto|HOST:PORT  what agents are told to connect to; auto: as Marathon, Nomad
                              or Kubernetes have it in the environment (BAILEY_ADVERTISE)

Environment (as in the official image; an empty variable counts as not set):
  JENKINS_HOME                home folder (/var/jenkins_home)
  JENKINS_WAR                 what java runs (/usr/share/jenkins/jenkins.war)
  JAVA_OPTS                   options for java; quotes as in xargs, nothing is expanded
  JENKINS_JAVA_OPTS           more of them
  JENKINS_OPTS                arguments for Jenkins, before those given here
  JENKINS_SLAVE_AGENT_PORT    port for agents
  DEBUG                       any value: java waits for a debugger on port 5005
  REF                         reference folder (/usr/share/jenkins/ref)
  COPY_REFERENCE_FILE_LOG     log of the copying (JENKINS_HOME/copy_reference_file.log)
  PRE_CLEAR_INIT_GROOVY_D     any value: remove init.groovy.d first
  PLUGINS_FORCE_UPGRADE       any value: upgrade what was upgraded by hand, too
  TRY_UPGRADE_IF_NO_MARKER    any value: upgrade what came from no image, too
  VERBOSE                     any value: log what was left alone, too
  JENKINS_ENABLE_ENV_SUBST    true: put variables into .xml .conf .properties .groovy
Java in a container with a limit:
  BAILEY_JVM                  off: java gets no options from the limits (auto)
Storage:
  CASTLE_URL                  unix:///run/castle/castle.sock or https://host:port
  CASTLE_VOLUME               the volume for JENKINS_HOME; both or neither
  CASTLE_TIMEOUT              how long to ask for it: 90, 90s, 2m (60s)
  CASTLE_TOKEN_FILE           https: file with this container's token
  CASTLE_CA_FILE              https: file with the certificates to trust
  CASTLE_CERT_FILE, CASTLE_KEY_FILE
                              https: this container's own certificate, if the castle asks for one`;

const agentEnvironment = `
Arguments are those of agent.jar. Options of bailey stand before them:
  --connect-timeout TIME      how long to wait for the controller: 90, 90s, 2m; 0 looks once
                              (as long as agent.jar would: for ever, or -noReconnectAfter)
  --no-preflight              become java at once, whether the controller is there or not
  --advertise auto|HOST:PORT  -tunnel, unless given or not needed; auto: as Nomad or
                              Kubernetes have it in the environment (BAILEY_ADVERTISE)
Exactly one argument that does not start with -: that program runs instead.
The secret is hidden from ps and from builds. Process 1 was started with it, too:
bailey-init --forget JENKINS_SECRET,REMOTING_OPTS,- makes it forget what it need not know.

Environment (as in the official image; an empty variable counts as not set):
  JENKINS_JAVA_BIN            java (JAVA_HOME/bin/java, or java in PATH)
  JENKINS_JAVA_OPTS           options for java instead of JAVA_OPTS; quotes as in xargs
  JENKINS_AGENT_FILE          what java runs (/usr/share/jenkins/agent.jar, or what is
                              fetched from the controller where the image has none)
  JENKINS_SECRET              -secret, unless given
  JENKINS_NAME                -name, unless given; before JENKINS_AGENT_NAME
  JENKINS_TUNNEL              -tunnel, unless given or there is a WebSocket
  JENKINS_URL                 -url
  JENKINS_AGENT_WORKDIR       -workDir, unless given
  JENKINS_WEB_SOCKET          true: -webSocket
  JENKINS_DIRECT_CONNECTION   -direct
  JENKINS_PROTOCOLS           -protocols
  JENKINS_INSTANCE_IDENTITY   -instanceIdentity
  REMOTING_OPTS               more options; quotes as in xargs, nothing is expanded
  BAILEY_CONNECT_TIMEOUT      --connect-timeout
  BAILEY_PREFLIGHT            off: --no-preflight
  XDG_CACHE_HOME              where a fetched agent.jar is kept, in bailey/ (~/.cache)
Java in a container with a limit:
  BAILEY_JVM                  off: java gets no options from the limits (auto)`;
