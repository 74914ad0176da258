import { createHash } from 'node:crypto';
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream';
import { constants, createGunzip, createGzip } from 'node:zlib';

/** What a complete object records about its content. */
export interface CopyTrailer {
  /** SHA-256 of the uncompressed content, in hexadecimal digits. */
  readonly sha256: string;
  /** Length of the uncompressed content, in bytes. */
  readonly bytes: number;
}

/*
 * An object is gzip (RFC 1952): first the content as one member, then an empty member whose comment is the trailer. Any
 * gunzip writes the content and nothing else, and the last bytes alone show whether an object is complete.
 */
const magic = Buffer.from([0x1f, 0x8b, 8]);
/** The flag that a member has a comment. */
const hasComment = 1 << 4;
/** Magic and method, the flags, four bytes of time, one of the compression level, one for an unknown system. */
const header = Buffer.from([...magic, hasComment, 0, 0, 0, 0, 0, 255]);
/** The end of the comment, an empty compressed block, its CRC-32 and its length. */
const empty = Buffer.from([0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const commentLength = 160;

/** Length of the trailer at the end of an object, in bytes. */
export const trailerBytes = header.length + commentLength + empty.length;

/**
 * Compresses content and appends its trailer. The level is the fastest one, because a copy waits for the network or the disk,
 * and the empty blocks of an image shrink at any level.
 * @returns the stream; an error of the content destroys it, so that an incomplete object never has a trailer
 */
export function compressWithTrailer(content: Readable): Readable {
  const meter = new Meter();
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  const out = new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, chunk),
    flush: (done) => done(null, formatTrailer(meter.trailer())),
  });
  pipeline(content, meter, gzip, out, () => undefined);
  return out;
}

/**
 * Decompresses an object.
 * @param trailer the trailer of the object; the stream fails at its end when the content does not match it
 */
export function decompressAndVerify(object: Readable, trailer: CopyTrailer): Readable {
  const meter = new Meter();
  const check = new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, chunk),
    flush(done) {
      const { sha256, bytes } = meter.trailer();
      if (sha256 === trailer.sha256 && bytes === trailer.bytes) return done();
      done(
        new Error(
          `the content of the copy does not match its checksum (${bytes} of ${trailer.bytes} bytes were read)`,
        ),
      );
    },
  });
  pipeline(object, createGunzip(), meter, check, () => undefined);
  return check;
}

/**
 * Reads the trailer.
 * @param end the last bytes of an object
 * @returns undefined when it has none: the object is truncated, or was not written by a castle
 */
export function readTrailer(end: Buffer): CopyTrailer | undefined {
  if (end.length < trailerBytes) return undefined;
  const member = end.subarray(end.length - trailerBytes);
  const comment = member.toString('latin1', header.length, header.length + commentLength);
  const [, sha256 = '', bytes] = /^castle sha256=([0-9a-f]{64}) bytes=(\d{1,16}) *$/.exec(comment) ?? [];
  if (bytes === undefined || !formatTrailer({ sha256, bytes: Number(bytes) }).equals(member))
    return undefined;
  return { sha256, bytes: Number(bytes) };
}

function formatTrailer({ sha256, bytes }: CopyTrailer): Buffer {
  const comment = `castle sha256=${sha256} bytes=${bytes}`.padEnd(commentLength);
  return Buffer.concat([header, Buffer.from(comment, 'latin1'), empty]);
}

/** Passes content through, and computes its length and checksum. */
class Meter extends Transform {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    done(null, chunk);
  }

  trailer(): CopyTrailer {
    return { sha256: this.#hash.copy().digest('hex'), bytes: this.#bytes };
  }
}
