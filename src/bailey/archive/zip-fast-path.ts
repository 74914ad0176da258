import { readSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';

/** A damaged archive or entry. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

/**
 * Bytes to read at the end of an archive: they contain the end record and, with up to about a hundred files, the whole
 * directory.
 */
const tailBytes = 8 * 1024;
/** Bytes to read of a larger directory: the manifest is usually the first entry (JAR file specification). */
const directoryStartBytes = 4 * 1024;
/** Limit for a directory, in bytes: twice the size for the maximum of 65,535 files. */
const maxDirectoryBytes = 16 * 1024 * 1024;
/**
 * Bytes to read beyond an entry's header: the directory does not state the length of the local extra field; build tools
 * write less.
 */
const extraFieldBytes = 256;

/**
 * Reads one file of a zip archive with two or three system calls: the end of the archive, its directory if that is not
 * included, and the file. Supports only what build tools usually write (APPNOTE.TXT 4.3): no zip64, no encryption, no
 * multi-part archives.
 * @param fd the archive
 * @param size of the archive, in bytes
 * @param maxBytes a larger entry is an error
 * @returns undefined when the archive has no such file; 'unsupported' when yauzl must read it
 * @throws ArchiveError or zlib's errors when it is damaged; the system's error
 */
export function readEntryFastPath(
  fd: number,
  size: number,
  name: string,
  maxBytes: number,
): Buffer | undefined | 'unsupported' {
  const end = readEnd(fd, size);
  if (end === 'unsupported') return 'unsupported';
  const wanted = Buffer.from(name);
  const entry = findEntry(end.directoryStart, wanted, end.directoryBytes);
  if (entry === 'beyond') {
    if (end.directoryBytes > maxDirectoryBytes) return 'unsupported';
    const whole = readAt(fd, end.directoryBytes, end.directoryAt);
    const found = findEntry(whole, wanted, whole.length);
    return found === 'beyond' || found === undefined ? undefined : readEntry(fd, found, maxBytes);
  }
  return entry === undefined ? undefined : readEntry(fd, entry, maxBytes);
}

interface EndRecord {
  readonly directoryAt: number;
  readonly directoryBytes: number;
  readonly directoryStart: Buffer;
}

const endBytes = 22;
const endSignature = Buffer.from('PK\x05\x06');

function readEnd(fd: number, size: number): EndRecord | 'unsupported' {
  const tailAt = Math.max(0, size - tailBytes);
  const tail = readAt(fd, size - tailAt, tailAt);
  const at = tail.lastIndexOf(endSignature);
  // A comment may contain the signature: the stated comment length must match the end of the file.
  if (at === -1 || at + endBytes > tail.length || at + endBytes + tail.readUInt16LE(at + 20) !== tail.length)
    return 'unsupported';
  const directoryBytes = tail.readUInt32LE(at + 12);
  const directoryAt = tail.readUInt32LE(at + 16);
  const isMultiPart = tail.readUInt32LE(at + 4) !== 0;
  if (isMultiPart || tail.readUInt16LE(at + 10) === 0xffff || directoryAt + directoryBytes > tailAt + at)
    return 'unsupported';
  const directoryStart =
    directoryAt >= tailAt
      ? tail.subarray(directoryAt - tailAt, directoryAt - tailAt + directoryBytes)
      : readAt(fd, Math.min(directoryBytes, directoryStartBytes), directoryAt);
  return { directoryAt, directoryBytes, directoryStart };
}

interface DirectoryEntry {
  readonly flags: number;
  readonly method: number;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly at: number;
  readonly nameBytes: number;
}

const entryBytes = 46;

/** @returns the entry; 'beyond' when it may be in the part of the directory that has not been read */
function findEntry(
  directory: Buffer,
  name: Buffer,
  directoryBytes: number,
): DirectoryEntry | undefined | 'beyond' {
  let at = 0;
  while (at + entryBytes <= directory.length) {
    if (directory.readUInt32LE(at) !== 0x02014b50) throw new ArchiveError('its directory is damaged');
    const nameBytes = directory.readUInt16LE(at + 28);
    const nameAt = at + entryBytes;
    if (directory.subarray(nameAt, nameAt + nameBytes).equals(name))
      return {
        flags: directory.readUInt16LE(at + 8),
        method: directory.readUInt16LE(at + 10),
        packedBytes: directory.readUInt32LE(at + 20),
        bytes: directory.readUInt32LE(at + 24),
        at: directory.readUInt32LE(at + 42),
        nameBytes,
      };
    at = nameAt + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return directory.length < directoryBytes ? 'beyond' : undefined;
}

const zip64Marker = 0xffffffff;
const stored = 0;
const deflated = 8;

function readEntry(fd: number, entry: DirectoryEntry, maxBytes: number): Buffer | 'unsupported' {
  const { flags, method, packedBytes, bytes, at, nameBytes } = entry;
  const encrypted = (flags & 1) !== 0;
  if (
    encrypted ||
    (method !== stored && method !== deflated) ||
    [packedBytes, bytes, at].includes(zip64Marker)
  )
    return 'unsupported';
  if (bytes > maxBytes || packedBytes > maxBytes)
    throw new ArchiveError(`it unpacks to more than ${maxBytes} bytes`);

  const headerBytes = 30;
  const read = readAt(fd, headerBytes + nameBytes + extraFieldBytes + packedBytes, at);
  if (read.length < headerBytes || read.readUInt32LE(0) !== 0x04034b50)
    throw new ArchiveError('its directory leads to no file');
  const dataAt = headerBytes + read.readUInt16LE(26) + read.readUInt16LE(28);
  const packed =
    dataAt + packedBytes <= read.length
      ? read.subarray(dataAt, dataAt + packedBytes)
      : readAt(fd, packedBytes, at + dataAt);
  // maxOutputLength stops an entry that unpacks to more than it states; a shorter one is truncated.
  const unpacked =
    method === stored ? packed : inflateRawSync(packed, { maxOutputLength: Math.max(1, bytes) });
  if (packed.length !== packedBytes || unpacked.length !== bytes) throw new ArchiveError('it is cut off');
  return unpacked;
}

/** @returns the bytes at the position; fewer when the file ends before */
function readAt(fd: number, bytes: number, at: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  let done = 0;
  while (done < bytes) {
    const read = readSync(fd, buffer, done, bytes - done, at + done);
    if (read === 0) break;
    done += read;
  }
  return buffer.subarray(0, done);
}
