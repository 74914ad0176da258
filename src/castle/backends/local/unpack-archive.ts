import { type Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describeEnd, startProgram } from '../../../linux/run-program.ts';

/** Options of tar(1) to keep attributes, ACLs, holes and numeric owners. */
export const preserveMetadata = ['--xattrs', '--xattrs-include=*', '--acls', '--sparse', '--numeric-owner'];

/**
 * Unpacks an archive with tar(1), and always reads the stream to its end. If its input is a socket, as Node's pipes are, GNU
 * tar 1.34 exits at the end mark of the archive and not at the end of the input. On a busy host it exits before the stream
 * ends; this is not an error. Unpacking succeeds when tar exits with 0 and the stream ends without an error; the stream may
 * verify a trailing checksum. GNU tar writes nothing outside of the folder, neither through `..` nor through a link that it
 * has just created.
 * @param folder an empty folder
 * @throws Error when the stream or tar fails; the content of the folder is incomplete then
 */
export async function unpackArchive(from: Readable, folder: string): Promise<void> {
  const args = ['--extract', '--file=-', '--preserve-permissions', '--same-owner', ...preserveMetadata];
  const tar = startProgram('tar', [...args, `--directory=${folder}`]);
  const into = new Writable({
    write: (part: Buffer, _encoding, taken) => {
      tar.stdin.write(part, () => taken());
    },
    final: (taken) => {
      tar.stdin.end(); // without a callback: when tar has gone, it would never be called
      taken();
    },
  });
  const fault = tar.end.then((end) =>
    end.kind === 'exited' && end.exitCode === 0 ? undefined : `tar: ${tar.lastMessage() || describeEnd(end)}`,
  );
  // tar has failed, so the rest of the stream is not read.
  void fault.then((why) => why === undefined || into.destroy(new Error(why)));
  try {
    await pipeline(from, into);
  } catch (thrown) {
    tar.kill();
    await fault;
    throw thrown;
  }
  const why = await fault;
  if (why !== undefined) throw new Error(why);
}
