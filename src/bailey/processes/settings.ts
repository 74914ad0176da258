import type { Setting } from '../../terminal/setting.ts';

/** `bailey zombies`. */
export const zombiesSettings: readonly Setting[] = [
  {
    option: '--all',
    meaning:
      'list every zombie instead of five per parent, and processes that look defunct because their main thread has exited',
  },
  { option: '--json', meaning: 'print the report as JSON; with --watch, one document per line' },
  {
    option: '--watch',
    placeholder: '[SECONDS]',
    default: '2 seconds',
    meaning: 'repeat the report at this interval until interrupted',
  },
];
