import { Failure } from '../../terminal/failure.ts';
import {
  type AdvertiseSetting,
  findAdvertisedAddress,
  formatAddress,
} from '../scheduler/advertised-address.ts';
import { type Environment, portNumber } from '../scheduler/scheduler.ts';

/** The value of -tunnel that is used if no other way to connect is configured. */
export interface AdvertisedTunnel {
  /** The option or variable that requests it. */
  readonly name: string;
  /**
   * Finds the value of -tunnel: the controller's address in the scheduler's variables.
   * @throws Failure 64 or 78 for a wrong setting, 78 when `auto` finds no address, or more than one
   */
  find(): string;
}

/** @param setting --advertise or BAILEY_ADVERTISE */
export function advertisedTunnel(setting: AdvertiseSetting, env: Environment): AdvertisedTunnel {
  return {
    name: setting.name,
    find: () => {
      const port = portNumber(env['JENKINS_SLAVE_AGENT_PORT'] || '50000');
      const address = findAdvertisedAddress('agent', setting, env, port);
      // agent.jar splits at the first colon and rejects a second one.
      if (address.host.includes(':'))
        throw new Failure(
          setting.kind,
          `${formatAddress(address)} (${address.source}) cannot be a tunnel: agent.jar does not accept an IPv6 address there`,
          'give a host name that resolves to it',
        );
      return formatAddress(address);
    },
  };
}
