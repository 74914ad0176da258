import { type Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describeEnd, startProgram } from '../../../linux/run-program.ts';

/** What is kept of a file: attributes, ACLs and holes, and owners by their numbers. */
export const preserveMetadata = ['--xattrs', '--xattrs-include=*', '--acls', '--sparse', '--numeric-owner'];

/**
 * Unpacks an archive by tar(1), and reads the stream to its own end in any case. GNU tar 1.34 ends at the archive's end mark,
 * and not with the stream, when that comes by a socket, as all of Node's pipes do: on a busy host it has gone before the
 * stream has ended. That is no fault. What counts is its exit code, and that the stream, which may check a sum behind the
 * archive, ends well.
 * GNU tar puts nothing outside of the folder, neither by `..` nor by a link that it has just made.
 * @param folder an empty one
 * @throws Error when the stream fails or tar does; what is in the folder then is not whole
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
  // It has failed: the rest need not be read.
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
