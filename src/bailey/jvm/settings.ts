import type { Setting } from '../../terminal/setting.ts';

/** Read by every command that starts java. */
export const jvmSizingSettings: readonly Setting[] = [
  {
    variable: 'BAILEY_JVM',
    default: 'auto',
    meaning: 'off: do not add java options derived from the memory and CPU limits of the container',
  },
];

/** `bailey jvm`. */
export const jvmSettings: readonly Setting[] = [
  {
    option: '--limit',
    placeholder: 'SIZE',
    default: 'the memory limit of the container',
    meaning: 'compute the options for this memory limit, as in 512m or 2G',
  },
  {
    option: '--role',
    placeholder: 'ROLE',
    default: 'controller',
    meaning: 'what java runs: controller or agent',
  },
  { option: '--json', meaning: 'print the report as one JSON document' },
  ...jvmSizingSettings,
];
