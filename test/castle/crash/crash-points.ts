import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import tap, { type Test } from 'tap';
import { compileLibrary } from '../../kit/compile.ts';
import { temporaryFolder } from '../../kit/images.ts';

/** What happens to the ordered step; in the order of storage-call-interrupter.c. */
const moments = ['never', 'before', 'after', 'fails once', 'fails from then on', 'stops'] as const;

/**
 * `before`, `after`: the castle is killed before or after the step. `fails once`, `fails from then on`: the step, or the
 * step and all later ones, fail as on a full disk. `stops`: the castle stops itself (SIGSTOP) before every step.
 */
export type Moment = Exclude<(typeof moments)[number], 'never'>;

/** A step that was interrupted. */
export interface StruckStep {
  readonly step: number;
  /** The call and its operand, such as `rename to /srv/main`. */
  readonly what: string;
}

let library: string | undefined;

/** Compiles storage-call-interrupter.c, once for all castles of a test file. @returns the path of the library */
function interrupter(): string {
  library ??= compileLibrary(
    join(temporaryFolder(tap, 'interrupter'), 'interrupter.so'),
    'test/castle/crash/storage-call-interrupter.c',
    '-ldl',
  );
  return library;
}

/**
 * Size of the fields of four bytes each: moment, at, counted, struck, sent, stopping. The description of the step follows
 * as text.
 */
const fields = 24;
const orderBytes = 256;

/**
 * Counts the steps of a castle on the disk, and interrupts one of them. The library storage-call-interrupter.c is loaded
 * into the castle; both have mapped the file with the order, so that a new order does not require a restart of the castle.
 */
export class Steps {
  /** The environment to start the castle with. */
  readonly env: NodeJS.ProcessEnv;
  readonly #file: number;

  constructor(t: Test) {
    const order = join(temporaryFolder(t, 'steps'), 'order');
    this.#file = openSync(order, 'w+');
    t.teardown(() => closeSync(this.#file));
    writeSync(this.#file, Buffer.alloc(orderBytes), 0, orderBytes, 0);
    // With io_uring the kernel executes Node's file operations without a call of libc, so it is turned off.
    this.env = { ...process.env, LD_PRELOAD: interrupter(), CASTLE_STEPS: order, UV_USE_IO_URING: '0' };
  }

  /** Orders an interruption. @param at the step, counted from 1 and from now on */
  order(moment: Moment, at: number): void {
    const order = Buffer.alloc(fields);
    order.writeInt32LE(at, 4);
    writeSync(this.#file, order, 4, fields - 4, 4);
    this.#setMoment(moment);
  }

  /** Withdraws the order. @returns the interrupted step; undefined if the castle has not reached it */
  withdraw(): StruckStep | undefined {
    this.#setMoment('never');
    const order = Buffer.alloc(orderBytes);
    readSync(this.#file, order, 0, orderBytes, 0);
    const step = order.readInt32LE(12);
    if (step === 0) return undefined;
    return { step, what: order.toString('utf8', fields, order.indexOf(0, fields)) };
  }

  /** The number of steps since the order, and of writes to sockets. */
  progress(): { readonly counted: number; readonly sent: number } {
    const order = this.#fields();
    return { counted: order.readInt32LE(8), sent: order.readInt32LE(16) };
  }

  /** Whether a thread may still stop the castle, after the order `stops` was withdrawn. */
  mayStop(): boolean {
    return this.#fields().readInt32LE(20) !== 0;
  }

  #fields(): Buffer {
    const order = Buffer.alloc(fields);
    readSync(this.#file, order, 0, fields, 0);
    return order;
  }

  #setMoment(moment: (typeof moments)[number]): void {
    const word = Buffer.alloc(4);
    word.writeInt32LE(moments.indexOf(moment));
    writeSync(this.#file, word, 0, 4, 0);
  }
}
