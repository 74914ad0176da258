/** The address at which agents reach the TCP port of a controller for agents. */
export interface Address {
  /** A host name, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The port that the controller must listen on, if the scheduler prescribes it. */
  readonly listenPort?: number;
  /** The variables that contain the address, for messages. */
  readonly source: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A scheduler that assigns addresses to containers and sets environment variables with them. Both lookups are functions of
 * the environment alone and return every address that matches.
 */
export interface Scheduler {
  /** The name of the scheduler, for messages. */
  readonly name: string;
  /**
   * Returns the addresses at which others reach a controller that is started with this environment.
   * @param listenPort its port for agents, if it is fixed
   */
  controllerAddresses(env: Environment, listenPort: number | undefined): readonly Address[];
  /**
   * Returns the addresses at which an agent that is started with this environment reaches its controller.
   * @param agentPort the controller's port for agents
   */
  agentAddresses(env: Environment, agentPort: number | undefined): readonly Address[];
  /** The variables that each lookup reads, for the message when it finds nothing; empty when the scheduler has none. */
  readonly searchedVariables: { readonly controller: string; readonly agent: string };
}

/**
 * Whether a port name is one commonly used for the agent port: `agent`, `jnlp`, and `agent-listener` and `slavelistener`
 * of the Helm charts.
 */
export const isAgentPortName = (name: string): boolean =>
  /^(jenkins[-_])?(agents?|jnlp|(agent|slave)[-_]?listener)$/i.test(name);

/** Parses a port number; undefined when the text is not a number from 1 to 65535. */
export function portNumber(text: string | undefined): number | undefined {
  const port = /^\d{1,5}$/.test(text ?? '') ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}
