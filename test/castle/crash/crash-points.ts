import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { compileLibrary } from '../../kit/compile.ts';
import { temporaryFolder } from '../../kit/images.ts';

/** What becomes of a step that is struck; in the order of storage-call-interrupter.c. */
const moments = ['never', 'before', 'after', 'fails once', 'fails from then on', 'stops'] as const;

/**
 * The castle is killed before the step or after it; or the step fails as on a full disk, and perhaps all that follow; or
 * the castle stops itself (SIGSTOP) before every step.
 */
export type Moment = Exclude<(typeof moments)[number], 'never'>;

/** A step that was struck. */
export interface StruckStep {
  readonly step: number;
  /** The call and what it was about, as in `rename to /srv/main`. */
  readonly what: string;
}

/** Fields of four bytes each: moment, at, counted, struck, sent; then the call in words. */
const fields = 20;
const orderBytes = 256;

/**
 * Counts what a castle does on the disk, and strikes at one step of it. The file storage-call-interrupter.c, compiled, is loaded into the
 * castle; the order is in a file that both have mapped, so that a castle need not be started anew for it.
 */
export class Steps {
  /** The castle's environment. */
  readonly env: NodeJS.ProcessEnv;
  readonly #file: number;

  constructor(t: Test) {
    const folder = temporaryFolder(t, 'steps');
    const library = compileLibrary(
      join(folder, 'steps.so'),
      'test/castle/crash/storage-call-interrupter.c',
      '-ldl',
    );
    const order = join(folder, 'order');
    this.#file = openSync(order, 'w+');
    t.teardown(() => closeSync(this.#file));
    writeSync(this.#file, Buffer.alloc(orderBytes), 0, orderBytes, 0);
    // Where Node gives its file operations to io_uring, the kernel makes them, and libc doesn't see them.
    this.env = { ...process.env, LD_PRELOAD: library, CASTLE_STEPS: order, UV_USE_IO_URING: '0' };
  }

  /** Strikes at a step, counted from 1 from now on. */
  order(moment: Moment, at: number): void {
    const order = Buffer.alloc(fields);
    order.writeInt32LE(at, 4);
    writeSync(this.#file, order, 4, fields - 4, 4);
    this.#setMoment(moment);
  }

  /** Takes the order back. @returns what was struck, if the castle came that far */
  withdraw(): StruckStep | undefined {
    this.#setMoment('never');
    const order = Buffer.alloc(orderBytes);
    readSync(this.#file, order, 0, orderBytes, 0);
    const step = order.readInt32LE(12);
    if (step === 0) return undefined;
    return { step, what: order.toString('utf8', fields, order.indexOf(0, fields)) };
  }

  /** How many steps the castle has come to since the order, and how often it has sent something. */
  progress(): { readonly counted: number; readonly sent: number } {
    const order = Buffer.alloc(fields);
    readSync(this.#file, order, 0, fields, 0);
    return { counted: order.readInt32LE(8), sent: order.readInt32LE(16) };
  }

  #setMoment(moment: (typeof moments)[number]): void {
    const word = Buffer.alloc(4);
    word.writeInt32LE(moments.indexOf(moment));
    writeSync(this.#file, word, 0, 4, 0);
  }
}
