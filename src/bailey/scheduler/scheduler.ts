/** Where agents reach a controller's TCP port for agents. */
export interface Address {
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Where the controller has to listen for that, when the scheduler decides it. */
  readonly listenPort?: number;
  /** The variables that say so, for people. */
  readonly source: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What gives containers addresses, and tells them in variables. Both questions are functions of the environment alone,
 * and are answered with every address that fits.
 */
export interface Scheduler {
  /** For people. */
  readonly name: string;
  /**
   * Where others reach the controller that is started with this environment.
   * @param listenPort its port for agents, when that is fixed
   */
  controllerAddresses(env: Environment, listenPort: number | undefined): readonly Address[];
  /**
   * Where an agent that is started with this environment reaches its controller.
   * @param agentPort the controller's port for agents
   */
  agentAddresses(env: Environment, agentPort: number | undefined): readonly Address[];
  /** The variables that each question looks for, for the message when there are none; empty when it cannot be answered. */
  readonly searchedVariables: { readonly controller: string; readonly agent: string };
}

/**
 * What people call the port for agents where ports have names: `agent`, `jnlp`, and `agent-listener` and `slavelistener`
 * as the Helm charts have it.
 */
export const isAgentPortName = (name: string): boolean =>
  /^(jenkins[-_])?(agents?|jnlp|(agent|slave)[-_]?listener)$/i.test(name);

/** The number of a port, or undefined for what is none. */
export function portNumber(text: string | undefined): number | undefined {
  const port = /^\d{1,5}$/.test(text ?? '') ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}
