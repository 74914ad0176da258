import { randomUUID } from 'node:crypto';
import { closeSync, fchownSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import type { Token } from '../../protocol/contract.ts';
import { readDuration } from '../../terminal/duration.ts';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import { print } from '../../terminal/print.ts';
import { printable } from '../../terminal/printable.ts';
import { defaultSocket } from '../daemon/default-paths.ts';
import { askCastle } from './ask-castle.ts';
import { type Owner, readOwner } from './parse-owner.ts';

interface Wanted {
  readonly container: string;
  readonly volume: string;
  readonly ttl: string;
  readonly out?: string;
  readonly owner?: Owner;
  readonly socket: string;
}

/** How long a token may count, in milliseconds; the castle takes no other. */
const [shortestMs, longestMs] = [1_000, 86_400_000];

/** `castle token`: makes the token with which a container asks over TLS. */
export function addToken(program: Command): void {
  program
    .command('token')
    .description('make a token with which one container asks for one volume over TLS; as root of the host')
    .requiredOption('--container <id|name>', 'the container, whether it runs already or not')
    .requiredOption('--volume <name>', 'the volume; the label castle.volume of the container must name it')
    .option('--ttl <time>', 'how long it counts: 30s, 5m', '5m')
    .option('--out <file>', 'where to, instead of standard output: a file that only its owner may read')
    .option(
      '--owner <uid:gid>',
      "who owns that file (default: the user of the container's first process, or who asks)",
      readOwner,
    )
    .option('--socket <path>', "the castle's unix socket", defaultSocket)
    .action(async ({ container, volume, ttl, out, owner, socket }: Wanted) => {
      const ttlMs = readDuration('--ttl', ttl, 'usage');
      if (ttlMs < shortestMs || ttlMs > longestMs) {
        throw new Failure('usage', `--ttl ${ttl} is too short or too long`, 'give 1s to 24h');
      }
      if (out === undefined && process.stdout.isTTY) {
        throw new Failure('usage', 'a token is no sight for a terminal', 'give --out FILE, or a pipe');
      }
      const { body } = await askCastle(socket, 'POST', '/v1/tokens', { body: { container, volume, ttlMs } });
      const made = body as Token;
      if (out === undefined) return print(`${made.token}\n`);
      writeSecret(out, `${made.token}\n`, owner ?? made.owner);
      await print(`${printable(`token for ${made.containerName} in ${out}, until ${made.expires}`)}\n`);
    });
}

/**
 * Puts a secret where its reader waits for it: all of it or nothing, and never readable by another.
 * @throws Failure cannotCreate
 */
function writeSecret(file: string, text: string, owner: Owner | undefined): void {
  // A name that nobody can have put there before; a link in its place would not be followed.
  const unfinished = join(dirname(file), `.${basename(file)}.${randomUUID()}`);
  try {
    const fd = openSync(unfinished, 'wx', 0o600);
    try {
      writeFileSync(fd, text);
      if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(unfinished, file);
  } catch (thrown) {
    rmSync(unfinished, { force: true });
    throw new Failure('cannotCreate', `the token cannot be written to ${file}: ${errorMessage(thrown)}`);
  }
}
