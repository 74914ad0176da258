import type { Setting } from '../../terminal/setting.ts';

/**
 * The default of --timeout: shorter than the 30 s after which Docker kills a health check, so that the check can print the
 * reason.
 */
export const defaultTimeout = '5s';

/** `bailey health`. */
export const healthSettings: readonly Setting[] = [
  {
    option: '--role',
    placeholder: 'controller|agent',
    variable: 'BAILEY_HEALTH_ROLE',
    default: 'the role of the java process found',
    meaning: 'what to check',
  },
  {
    option: '--timeout',
    placeholder: 'TIME',
    variable: 'BAILEY_HEALTH_TIMEOUT',
    default: defaultTimeout,
    meaning: 'how long a controller may take to answer, at most 1h',
  },
  {
    option: '--url',
    placeholder: 'URL',
    variable: 'BAILEY_HEALTH_URL',
    default: "read from java's command line",
    meaning:
      'root URL of the controller; for an agent, only the port is used; the option may be repeated, the variable may hold several URLs separated by spaces',
  },
];
