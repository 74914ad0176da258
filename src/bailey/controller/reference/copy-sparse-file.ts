import { type FileHandle, open } from 'node:fs/promises';
import type { BytePath } from './byte-path.ts';

const pieceBytes = 1024 * 1024;

/**
 * Copies a file in pieces without writing pieces of zeros, so that holes stay holes.
 * @param target must not exist (EEXIST)
 * @throws the system's error; the signal's reason, between two pieces
 */
export async function copySparseFile(source: BytePath, target: BytePath, signal: AbortSignal): Promise<void> {
  const from = await open(source, 'r');
  try {
    const to = await open(target, 'wx', 0o600); // the final mode is set when the file is complete
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
    if (bytesRead === 0) return to.truncate(at); // a hole at the end is not written
    if (piece.compare(zeros, 0, bytesRead, 0, bytesRead) !== 0)
      await writeAll(to, piece.subarray(0, bytesRead), at);
    at += bytesRead;
  }
}

/** Writes all bytes. A write on a full disk may be partial, and the next one fails with ENOSPC. */
async function writeAll(to: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await to.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
