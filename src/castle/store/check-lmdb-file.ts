/**
 * Checks an LMDB file before LMDB opens it.
 *
 * LMDB maps its file into memory and does not check the content of the pages. A page number beyond the end of the file, or a
 * length that reaches beyond its page, ends the process by SIGBUS, SIGSEGV or a failed assertion, which no program can catch.
 * This module reads the file with plain read(2), where a bad sector is an error and not a signal. It verifies every structure
 * that LMDB relies on: both meta pages, each page that can be reached from the newer one, and the list of free pages, from
 * which LMDB takes the pages of its next commit.
 *
 * The layout is that of LMDB 0.9.90 in lmdb-js (data version 2, 64-bit, little-endian, no checksums, no encryption); see
 * node_modules/lmdb/dependencies/lmdb/libraries/liblmdb/mdb.c, from `struct MDB_page_header` on. The file may end before its
 * last page number, because LMDB never writes pages that were freed before their first commit.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** The file is not a valid LMDB file; the message states the violated rule and its place in the file. */
export class LmdbFileError extends Error {}

/** Checks one entry of a table. It throws when the entry is invalid, which ends the verification. */
export type CheckEntry = (table: string, key: Buffer, value: Buffer) => void;

const magic = 0xbeefc0de;
const dataVersion = 2;
const pageHeaderBytes = 24;
const nodeHeaderBytes = 8;
/** The size of `struct MDB_meta`, which follows the header of a meta page. */
const metaBytes = 144;
/** The size of `struct MDB_db`, which describes a tree. */
const treeBytes = 48;
/** The size of `struct MDB_ovpage`, which locates a value that does not fit into a leaf page. */
const overflowBytes = 24;
/** The root of an empty tree. */
const noPage = 2n ** 64n - 1n;
/**
 * The largest accepted map size, in bytes, far above what a castle needs. It limits the memory of this check: one byte per
 * page.
 */
const largestMapBytes = 2 ** 36;
/** The maximum depth of a tree: the number of levels for which LMDB's cursors have space. */
const deepestTree = 32;

const pageFlag = { branch: 0x01, leaf: 0x02, overflow: 0x04, meta: 0x08 } as const;
const nodeFlag = { overflow: 0x01, subTree: 0x02 } as const;
/** In the meta pages: keys of the free list are integers (0x08), the database is a file (0x4000). */
const metaFlags = 0x4008;

interface Meta {
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: number;
  readonly freeTree: Tree;
  readonly mainTree: Tree;
}

interface Tree {
  readonly flags: number;
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  /** Page number; undefined: the tree is empty. */
  readonly root: number | undefined;
}

interface Leaf {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly isSubTree: boolean;
}

/** The range of the keys of a page: `from` is inclusive, `to` exclusive. */
interface Bounds {
  readonly from?: Buffer | undefined;
  readonly to?: Buffer | undefined;
}

/**
 * Verifies an LMDB file that no process has open. Nothing is written.
 * @param path path of the data file
 * @param checkEntry called with each entry of each named table
 * @throws LmdbFileError when LMDB must not open the file; what `checkEntry` throws; an error of node:fs such as EIO
 */
export function checkLmdbFile(path: string, checkEntry: CheckEntry): void {
  const file = openSync(path, 'r');
  try {
    new LmdbFileCheck(file, checkEntry).run();
  } finally {
    closeSync(file);
  }
}

class LmdbFileCheck {
  private readonly fileBytes: number;
  private readonly meta: Meta;
  /** The use of each page: the next commit would overwrite a page that is used twice. */
  private readonly usedPages: Uint8Array;

  constructor(
    private readonly file: number,
    private readonly checkEntry: CheckEntry,
  ) {
    this.fileBytes = fstatSync(file).size;
    this.meta = this.readNewerMeta();
    this.usedPages = new Uint8Array(this.meta.lastPage + 1).fill(1, 0, 2);
  }

  run(): void {
    const { freeTree, mainTree } = this.meta;
    require(mainTree.flags === 0, () => `the main table has the flags ${hex(mainTree.flags)}`);
    this.walkTree('the list of tables', mainTree, compareBytes, ({ key, value, isSubTree }) => {
      const name = key.toString('latin1').replace(/\0$/, '');
      require(isSubTree && value.length === treeBytes, () =>
        `the list of tables has an entry that is not a table`);
      const tree = readTree(value, 0);
      require(tree.flags === 0, () => `table ${name} has the flags ${hex(tree.flags)}`);
      this.walkTree(`table ${name}`, tree, compareBytes, (entry) => {
        require(!entry.isSubTree, () => `table ${name} has a table in it`);
        this.checkEntry(name, entry.key, entry.value);
      });
    });
    // Verified last: a free page must not be a page that a table uses.
    this.walkTree('the list of free pages', freeTree, compareIntegers, ({ key, value, isSubTree }) => {
      require(!isSubTree, 'the list of free pages has a table in it');
      this.checkFreePages(key, value);
    });
  }

  private readNewerMeta(): Meta {
    // LMDB takes the page size from the first meta page, and finds the second one with it.
    const first = readMeta(this.read(0, pageHeaderBytes + metaBytes), 0);
    const second = readMeta(this.read(first.pageBytes, pageHeaderBytes + metaBytes), 1);
    require(first.pageBytes === second.pageBytes, 'the meta pages disagree about the page size');
    const [newer, older] = first.transaction > second.transaction ? [first, second] : [second, first];
    // Transaction N writes meta page N % 2, so the other one has transaction N - 1; a new file has 0 in both.
    require(newer.transaction === older.transaction + 1
      ? newer === (newer.transaction % 2 === 0 ? first : second)
      : newer.transaction === 0, () =>
      `the meta pages are of the transactions ${first.transaction} and ${second.transaction}`);
    return newer;
  }

  /** @param visit called with each entry, in the order of the keys */
  private walkTree(what: string, tree: Tree, compare: Compare, visit: (entry: Leaf) => void): void {
    if (tree.root === undefined) {
      require(tree.depth === 0 && tree.entries === 0, () => `${what} has entries and no root page`);
      return;
    }
    require(tree.depth >= 1 && tree.depth <= deepestTree, () => `${what} is ${tree.depth} levels deep`);
    const counted = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };
    const walkPage = (pageNumber: number, level: number, bounds: Bounds): void => {
      const page = this.readPage(pageNumber, what);
      const where = `page ${pageNumber} of ${what}`;
      const isLeaf = level === tree.depth;
      const flags = page.readUInt16LE(18);
      require(flags === (isLeaf ? pageFlag.leaf : pageFlag.branch), () =>
        `${where} has the flags ${hex(flags)}`);
      const nodes = readNodes(page, where, isLeaf);
      // LMDB allows a branch page of the free list to have one child (ITS#8336), and asserts two elsewhere.
      const fewest = isLeaf || compare === compareIntegers ? 1 : 2;
      require(nodes.length >= fewest, () => `${where} has ${nodes.length} entries`);
      // The first key of a branch page covers every lower key and is never compared.
      const keys = nodes.map(({ key }, n) => (isLeaf || n > 0 ? key : undefined));
      let previous = bounds.from;
      for (const [n, key] of keys.entries()) {
        if (key === undefined) continue;
        const isFirst = n === (isLeaf ? 0 : 1);
        if (previous !== undefined) {
          const order = compare(previous, key);
          require(isFirst && isLeaf ? order <= 0 : order < 0, () => `the keys of ${where} are out of order`);
        }
        previous = key;
      }
      if (previous !== undefined && bounds.to !== undefined && previous !== bounds.from) {
        require(compare(previous, bounds.to) < 0, () => `the keys of ${where} are out of order`);
      }
      if (isLeaf) {
        counted.leafPages++;
        counted.entries += nodes.length;
        for (const node of nodes) {
          if (node.flags === nodeFlag.overflow) counted.overflowPages += overflowPagesOf(node);
          visit(this.readLeaf(node, what, where));
        }
      } else {
        counted.branchPages++;
        for (const [n, node] of nodes.entries()) {
          const child = node.low + node.high * 2 ** 16 + node.flags * 2 ** 32;
          walkPage(child, level + 1, {
            from: keys[n] ?? bounds.from,
            to: n + 1 < keys.length ? keys[n + 1] : bounds.to,
          });
        }
      }
    };
    walkPage(tree.root, 1, {});
    for (const [name, count] of Object.entries(counted)) {
      const recorded = tree[name as keyof typeof counted];
      require(recorded === count, () => `${what} has ${count} ${name}, but its record contains ${recorded}`);
    }
  }

  private readLeaf(node: Node, what: string, where: string): Leaf {
    const { key, flags, inlineValue, valueBytes } = node;
    if (flags !== nodeFlag.overflow)
      return { key, value: inlineValue, isSubTree: flags === nodeFlag.subTree };
    const first = readInteger(inlineValue, 0);
    require(readInteger(inlineValue, 8) <= this.meta.transaction, () =>
      `${where} points to a page of a later transaction`);
    const count = overflowPagesOf(node);
    // A value may have more pages than it needs: a value that is replaced by a shorter one in the same transaction keeps its
    // pages (mdb_cursor_put).
    require(count * this.meta.pageBytes >= pageHeaderBytes + valueBytes, () =>
      `${where} has a value that is longer than its pages`);
    const page = this.readPage(first, what, count);
    require(page.readUInt16LE(18) === pageFlag.overflow, () =>
      `page ${first} is not an overflow page, but ${where} refers to it as one`);
    require(page.readUInt32LE(20) === count, () => `page ${first} and ${where} disagree about its size`);
    return { key, value: page.subarray(pageHeaderBytes, pageHeaderBytes + valueBytes), isSubTree: false };
  }

  /** Reads a page that is in use. @param count the number of pages, if overflow pages follow the first one */
  private readPage(number: number, what: string, count = 1): Buffer {
    const { pageBytes, transaction } = this.meta;
    this.claimPages(number, count, what);
    const page = this.read(number * pageBytes, count * pageBytes);
    require(readInteger(page, 0) === number, () =>
      `page ${number} of ${what} contains a different page number`);
    // LMDB regards a page of a later transaction as uncommitted, and would write to it through the read-only mapping.
    require(readInteger(page, 8) <= transaction, () =>
      `page ${number} of ${what} belongs to a later transaction`);
    return page;
  }

  private claimPages(first: number, count: number, what: string): void {
    require(first >= 2 && count >= 1 && first + count - 1 <= this.meta.lastPage, () =>
      `${what} uses pages beyond the last page of the file`);
    for (let number = first; number < first + count; number++) {
      require(this.usedPages[number] === 0, () => `page ${number} of ${what} is used twice`);
      this.usedPages[number] = 1;
    }
  }

  /**
   * Verifies an entry of the free list: the number of words that follow, then the words. A word is a page number, zero, or
   * the negated length of a run of pages, followed by the run's first page.
   */
  private checkFreePages(key: Buffer, value: Buffer): void {
    const transaction = readInteger(key, 0);
    const what = `the free pages of transaction ${transaction}`;
    require(transaction >= 1 && transaction <= this.meta.transaction, () =>
      `the free list contains the impossible transaction ${transaction}`);
    require(value.length >= 8 && value.length % 8 === 0, () => `${what} have ${value.length} bytes`);
    const words = readInteger(value, 0);
    require(words < value.length / 8, () =>
      `${what} have a count of ${words} entries, which is more than their value contains`);
    for (let n = 1; n <= words; n++) {
      const word = value.readBigInt64LE(8 * n);
      if (word > 0n) this.claimPages(Number(word), 1, what);
      else if (word < 0n) {
        require(++n <= words, () => `${what} end in the middle of a range`);
        this.claimPages(readInteger(value, 8 * n), Number(-word), what);
      }
    }
  }

  private read(offset: number, length: number): Buffer {
    require(offset + length <= this.fileBytes, () =>
      `it ends after ${this.fileBytes} bytes, in the middle of a page`);
    const bytes = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const read = readSync(this.file, bytes, done, length - done, offset + done);
      require(read > 0, () => `it ends after ${offset + done} bytes, in the middle of a page`);
      done += read;
    }
    return bytes;
  }
}

function readMeta(bytes: Buffer, number: number): Meta {
  const meta = bytes.subarray(pageHeaderBytes);
  require(bytes.readUInt16LE(18) === pageFlag.meta && meta.readUInt32LE(0) === magic, () =>
    `meta page ${number} is not a meta page of LMDB`);
  require(meta.readUInt32LE(4) === dataVersion, () =>
    `meta page ${number} has version ${meta.readUInt32LE(4)}`);
  const pageBytes = meta.readUInt32LE(24);
  require(pageBytes >= 512 && pageBytes <= 65_536 && (pageBytes & (pageBytes - 1)) === 0, () =>
    `meta page ${number} has ${pageBytes} as its page size`);
  const freeTree = readTree(meta, 24);
  require(freeTree.flags === metaFlags, () => `meta page ${number} has the flags ${hex(freeTree.flags)}`);
  const lastPage = readInteger(meta, 120);
  const mapBytes = readInteger(meta, 16);
  require(lastPage >= 1 && (lastPage + 1) * pageBytes <= mapBytes && mapBytes <= largestMapBytes, () =>
    `meta page ${number} has ${lastPage} as its last page, and a map of ${mapBytes} bytes`);
  return {
    pageBytes,
    lastPage,
    transaction: readInteger(meta, 128),
    freeTree,
    mainTree: readTree(meta, 24 + treeBytes),
  };
}

function readTree(bytes: Buffer, offset: number): Tree {
  return {
    flags: bytes.readUInt16LE(offset + 4),
    depth: bytes.readUInt16LE(offset + 6),
    branchPages: readInteger(bytes, offset + 8),
    leafPages: readInteger(bytes, offset + 16),
    overflowPages: readInteger(bytes, offset + 24),
    entries: readInteger(bytes, offset + 32),
    root: bytes.readBigUInt64LE(offset + 40) === noPage ? undefined : readInteger(bytes, offset + 40),
  };
}

interface Node {
  readonly low: number;
  readonly high: number;
  readonly flags: number;
  readonly key: Buffer;
  /** The part of the value that the leaf page itself contains: the whole value, or the location of its overflow pages. */
  readonly inlineValue: Buffer;
  readonly valueBytes: number;
}

/**
 * Reads the entries of a branch or leaf page: the pointers are at its beginning, the nodes at its end, and nothing overlaps.
 */
function readNodes(page: Buffer, where: string, isLeaf: boolean): readonly Node[] {
  const [lower, upper] = [page.readUInt16LE(20), page.readUInt16LE(22)];
  const room = page.length - pageHeaderBytes;
  require(lower % 2 === 0 && lower <= upper && upper <= room, () => `${where} has wrong bounds`);
  const body = page.subarray(pageHeaderBytes);
  const nodes: Node[] = [];
  const extents: { readonly begin: number; readonly end: number }[] = [];
  for (let pointer = 0; pointer < lower; pointer += 2) {
    const begin = body.readUInt16LE(pointer);
    require(begin % 2 === 0 && begin >= upper && begin + nodeHeaderBytes <= room, () =>
      `${where} has a wrong pointer`);
    const [low, high] = [body.readUInt16LE(begin), body.readUInt16LE(begin + 2)];
    const [flags, keyBytes] = [body.readUInt16LE(begin + 4), body.readUInt16LE(begin + 6)];
    const valueBytes = isLeaf ? low + high * 2 ** 16 : 0;
    if (isLeaf)
      require(flags <= nodeFlag.subTree, () => `${where} has an entry with the flags ${hex(flags)}`);
    const inlineBytes = isLeaf && flags === nodeFlag.overflow ? overflowBytes : valueBytes;
    const value = begin + nodeHeaderBytes + keyBytes;
    const end = value + inlineBytes;
    require(end <= room, () => `${where} has an entry that is longer than the page`);
    extents.push({ begin, end });
    nodes.push({
      ...{ low, high, flags, valueBytes },
      key: body.subarray(begin + nodeHeaderBytes, value),
      inlineValue: body.subarray(value, end),
    });
  }
  extents.sort((one, other) => one.begin - other.begin);
  for (const [n, { end }] of extents.entries()) {
    require(end <= (extents[n + 1]?.begin ?? room), () => `${where} has entries that overlap`);
  }
  return nodes;
}

/** Returns the number of overflow pages of a value that is stored outside its leaf page. */
const overflowPagesOf = ({ inlineValue }: Node): number => readInteger(inlineValue, 16);

type Compare = (one: Buffer, other: Buffer) => number;

const compareBytes: Compare = (one, other) => Buffer.compare(one, other);

/** Compares keys of the free list, which are transaction numbers. */
const compareIntegers: Compare = (one, other) => readInteger(one, 0) - readInteger(other, 0);

/** Reads a 64-bit integer. It is inexact above 2^53, which no number in a valid file reaches. */
function readInteger(bytes: Buffer, offset: number): number {
  require(bytes.length >= offset + 8, 'a number is truncated');
  return bytes.readUInt32LE(offset) + bytes.readUInt32LE(offset + 4) * 2 ** 32;
}

function require(isSound: boolean, otherwise: string | (() => string)): asserts isSound {
  if (!isSound) throw new LmdbFileError(typeof otherwise === 'string' ? otherwise : otherwise());
}

const hex = (flags: number): string => `0x${flags.toString(16)}`;
