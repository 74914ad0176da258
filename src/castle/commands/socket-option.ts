import { Option } from 'commander';
import { readPath } from '../../terminal/read-path.ts';
import { defaultSocket } from '../daemon/default-paths.ts';

/** Returns the option `--socket` of a command that talks to a running castle. */
export const socketOption = (): Option =>
  new Option('--socket <PATH>', 'unix socket of the castle')
    .env('CASTLE_SOCKET')
    .argParser((text) => readPath('--socket', text))
    .default(defaultSocket, defaultSocket);
