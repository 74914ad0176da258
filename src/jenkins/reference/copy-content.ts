import { constants } from 'node:fs';
import { copyFile, type FileHandle, open } from 'node:fs/promises';
import type { BytePath } from './byte-path.ts';

/** Smaller files are copied in one call, which no signal interrupts, and which writes holes as zeros. */
const largeBytes = 16 * 1024 * 1024;
const pieceBytes = 1024 * 1024;

/**
 * Copies what is in a file. A large one is copied in pieces, unless the file system shares its blocks: holes stay
 * holes, and an abort is heard between two pieces.
 * @param size of the source, in bytes
 * @throws the system's error; the signal's reason
 */
export async function copyContent(
  source: BytePath,
  target: BytePath,
  size: number,
  signal: AbortSignal,
): Promise<void> {
  if (size < largeBytes) return copyFile(source, target, constants.COPYFILE_FICLONE);
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE_FORCE);
  } catch {
    await copyInPieces(source, target, signal); // which fails by itself when there is more to it
  }
}

async function copyInPieces(source: BytePath, target: BytePath, signal: AbortSignal): Promise<void> {
  const from = await open(source, 'r');
  try {
    const to = await open(target, 'w', 0o600); // the mode comes when it is whole
    try {
      await copyPieces(from, to, signal);
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

async function copyPieces(from: FileHandle, to: FileHandle, signal: AbortSignal): Promise<void> {
  const piece = Buffer.alloc(pieceBytes);
  const zeros = Buffer.alloc(pieceBytes);
  for (let at = 0; ; ) {
    signal.throwIfAborted();
    const { bytesRead } = await from.read(piece, 0, pieceBytes, at);
    if (bytesRead === 0) return to.truncate(at); // a hole at the end has not been written
    if (piece.compare(zeros, 0, bytesRead, 0, bytesRead) !== 0)
      await writeAll(to, piece.subarray(0, bytesRead), at);
    at += bytesRead;
  }
}

/** A full disk takes a part first, and says so at the next call. */
async function writeAll(to: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await to.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
