import { randomUUID } from 'node:crypto';
import { closeSync, fchownSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import type { Token } from '../../protocol/contract.ts';
import { readDuration } from '../../terminal/duration.ts';
import { errorMessage, Failure } from '../../terminal/failure.ts';
import { print } from '../../terminal/print.ts';
import { printable } from '../../terminal/printable.ts';
import { askCastle } from './ask-castle.ts';
import { type Owner, readOwner } from './parse-owner.ts';
import { socketOption } from './socket-option.ts';

interface TokenOptions {
  readonly container: string;
  readonly volume: string;
  readonly ttl: string;
  readonly out?: string;
  readonly owner?: Owner;
  readonly socket: string;
}

/** The shortest and the longest lifetime of a token that the castle accepts, in milliseconds. */
const [shortestMs, longestMs] = [1_000, 86_400_000];

/** `castle token`: creates the token with which a container requests its volume over TLS. */
export function addToken(program: Command): void {
  program
    .command('token')
    .description('create a token with which one container requests one volume over TLS; for root of the host')
    .requiredOption('--container <id|name>', 'the container, running or not')
    .requiredOption('--volume <name>', 'the volume; it must be in the label castle.volume of the container')
    .option('--ttl <time>', 'lifetime of the token, as in 30s or 5m', '5m')
    .option('--out <file>', 'write it to a file that only its owner may read, instead of to standard output')
    .option(
      '--owner <uid:gid>',
      "owner of that file (default: the user of the container's first process; while it does not run, the user that runs this)",
      readOwner,
    )
    .addOption(socketOption())
    .action(async ({ container, volume, ttl, out, owner, socket }: TokenOptions) => {
      const ttlMs = readDuration('--ttl', ttl, 'usage');
      if (ttlMs < shortestMs || ttlMs > longestMs) {
        throw new Failure('usage', `--ttl ${ttl} is too short or too long`, 'give a time from 1s to 24h');
      }
      if (out === undefined && process.stdout.isTTY) {
        throw new Failure(
          'usage',
          'a token is not printed on a terminal, since it is a secret',
          'give --out FILE, or use a pipe',
        );
      }
      const { body } = await askCastle(socket, 'POST', '/v1/tokens', { body: { container, volume, ttlMs } });
      const created = body as Token;
      if (out === undefined) return print(`${created.token}\n`);
      writeSecret(out, `${created.token}\n`, owner ?? created.owner);
      await print(
        `${printable(`token for container ${created.containerName} in ${out}, valid until ${created.expires}`)}\n`,
      );
    });
}

/**
 * Writes a secret to a file that only its owner can read. A reader sees all of it or nothing.
 * @throws Failure cannotCreate
 */
function writeSecret(file: string, text: string, owner: Owner | undefined): void {
  // A new file name, opened with O_EXCL, so that an attacker's symlink is not followed.
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
    throw new Failure('cannotCreate', `cannot write the token to ${file}: ${errorMessage(thrown)}`);
  }
}
