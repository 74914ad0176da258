import { createHash } from 'node:crypto';
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream';
import { constants, createGunzip, createGzip } from 'node:zlib';

/** What a whole object says of its content. */
export interface Seal {
  /** SHA-256 of what was compressed, in hexadecimal digits. */
  readonly sha256: string;
  /** How much that was. */
  readonly bytes: number;
}

/*
 * An object is gzip (RFC 1952): first the content as one member, then an empty one whose comment is the seal. Everybody's
 * gunzip gives the content and nothing else, and who has only the end of an object knows whether it is whole.
 */
const magic = Buffer.from([0x1f, 0x8b, 8]);
/** The flag that a member has a comment. */
const hasComment = 1 << 4;
/** Of the flags, four of time, one of the compressor, one of an unknown system. */
const header = Buffer.from([...magic, hasComment, 0, 0, 0, 0, 0, 255]);
/** The end of the comment, nothing compressed, its CRC-32 and its length. */
const empty = Buffer.from([0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const commentLength = 160;

/** How much of the end of an object has its seal, in bytes. */
export const sealBytes = header.length + commentLength + empty.length;

/**
 * Compresses content and puts its seal behind it. The fastest level: a copy waits for the network or the disk, and an
 * image's empty blocks shrink at any.
 * @returns the stream; what fails in the content destroys it, so that nothing half done passes for whole
 */
export function sealed(content: Readable): Readable {
  const meter = new Meter();
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  const out = new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, chunk),
    flush: (done) => done(null, writeSeal(meter.seal())),
  });
  pipeline(content, meter, gzip, out, () => undefined);
  return out;
}

/**
 * Gives the content of an object back.
 * @param seal what the end of the object says; the stream fails at its end when its content is another
 */
export function opened(object: Readable, seal: Seal): Readable {
  const meter = new Meter();
  const check = new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, chunk),
    flush(done) {
      const { sha256, bytes } = meter.seal();
      if (sha256 === seal.sha256 && bytes === seal.bytes) return done();
      done(
        new Error(`its content is not what was put there: ${bytes} of ${seal.bytes} bytes, or changed ones`),
      );
    },
  });
  pipeline(object, createGunzip(), meter, check, () => undefined);
  return check;
}

/**
 * Reads the seal.
 * @param end the last bytes of an object
 * @returns undefined when it has none: it is cut off, or somebody else's
 */
export function readSeal(end: Buffer): Seal | undefined {
  if (end.length < sealBytes) return undefined;
  const member = end.subarray(end.length - sealBytes);
  const comment = member.toString('latin1', header.length, header.length + commentLength);
  const [, sha256 = '', bytes] = /^castle sha256=([0-9a-f]{64}) bytes=(\d{1,16}) *$/.exec(comment) ?? [];
  if (bytes === undefined || !writeSeal({ sha256, bytes: Number(bytes) }).equals(member)) return undefined;
  return { sha256, bytes: Number(bytes) };
}

function writeSeal({ sha256, bytes }: Seal): Buffer {
  const comment = `castle sha256=${sha256} bytes=${bytes}`.padEnd(commentLength);
  return Buffer.concat([header, Buffer.from(comment, 'latin1'), empty]);
}

/** Lets everything through and knows what it was. */
class Meter extends Transform {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    done(null, chunk);
  }

  seal(): Seal {
    return { sha256: this.#hash.copy().digest('hex'), bytes: this.#bytes };
  }
}
