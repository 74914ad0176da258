/** Opening a store: unusual but valid files, other file types in its place, and full disks. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import t from 'tap';
import { openState } from '../../../src/castle/store/open-state.ts';
import type { SnapshotRecord } from '../../../src/castle/store/store.ts';
import { errorCode, exitCodes, Failure } from '../../../src/terminal/failure.ts';
import { temporaryFolder } from '../../kit/images.ts';
import { program, requires, root } from '../../kit/needs.ts';

const snapshotWithNote = (noteBytes: number): SnapshotRecord => ({
  id: 'one',
  volume: 'main',
  backend: 'local',
  state: 'ready',
  taken: '2026-01-01T00:00:00.000Z',
  origin: 'manual',
  offHostCopy: 'none',
  note: 'n'.repeat(noteBytes),
});

/** The outcome of opening the store: `opened`, or the kind of failure and its message. */
async function outcome(folder: string): Promise<string> {
  try {
    await openState(folder).close();
    return 'opened';
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return `${thrown.exitCode} ${thrown.message}`;
  }
}

t.test(
  'a value that a shorter one replaced in the same transaction keeps its pages, and the store is valid',
  async (t) => {
    const folder = temporaryFolder(t, 'shorter');
    const store = openState(folder);
    // One commit writes both: changes that are requested in the same turn are committed together.
    const lengths = [9000, 5000, 4100, 3900, 10];
    await Promise.all(
      lengths.map((length) => store.commit((changes) => changes.putSnapshot(snapshotWithNote(length)))),
    );
    await store.close();
    const reopened = openState(folder);
    t.equal(reopened.snapshots()[0]?.note, 'n'.repeat(10));
    await reopened.close();
  },
);

t.test('a store or lock file that is no regular file is refused', async (t) => {
  for (const name of ['castle.lmdb', 'castle.lmdb-lock']) {
    const places: [string, (path: string) => void][] = [
      ['a folder', (path) => mkdirSync(path)],
      ['a FIFO', (path) => execFileSync('mkfifo', [path])],
      ['a symlink to a device', (path) => symlinkSync('/dev/zero', path)],
      ['a symlink that leads to itself', (path) => symlinkSync(path, path)],
    ];
    for (const [what, make] of places) {
      const folder = temporaryFolder(t, 'odd');
      make(join(folder, name));
      t.match(
        await outcome(folder),
        new RegExp(`^${exitCodes.cannotCreate} .*${name}`),
        `${name} is ${what}`,
      );
    }
  }
});

t.test('an empty store file and a sparse lock file are those of a new store', async (t) => {
  const folder = temporaryFolder(t, 'sparse');
  const lock = join(folder, 'castle.lmdb-lock');
  writeFileSync(join(folder, 'castle.lmdb'), '');
  writeFileSync(lock, '');
  truncateSync(lock, 64 * 1024);
  t.equal(statSync(lock).blocks, 0, 'the file is sparse');
  const store = openState(folder);
  t.ok(statSync(lock).blocks > 0, 'it has its first block');
  await store.close();
});

t.test('a store of a newer format is refused as such, whatever rules its records follow', async (t) => {
  const folder = temporaryFolder(t, 'newer');
  await openState(folder).close();
  const put = async (table: string, key: string, value: unknown) => {
    const database = open({ path: join(folder, 'castle.lmdb'), encoding: 'json', overlappingSync: false });
    await database.openDB<unknown, string>({ name: table, encoding: 'json' }).put(key, value);
    await database.close();
  };
  await put('volumes', 'an-id', { name: 'main' });
  await put('format', 'format', { id: 'format', number: 3 });
  t.match(await outcome(folder), /^78 .*has format 3/);
  for (const number of ['abc', null, 1.5]) {
    await put('format', 'format', { id: 'format', number });
    t.match(await outcome(folder), /^74 .*format number/, `format number ${number}`);
  }
  await put('format', 'format', null);
  t.match(await outcome(folder), /^74 .*not a record/);
});

t.test('without descriptors for its files the store is not opened, and nothing crashes', async (t) => {
  if (!requires(t, program('prlimit'))) return;
  const folder = temporaryFolder(t, 'descriptors');
  await openState(folder).close();
  const softLimit = (count: number) =>
    execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${count}:`]);
  const [, before = ''] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  softLimit(100);
  try {
    for (let free = 0; free <= 4; free++) {
      const used = allDescriptors();
      for (const fd of used.splice(0, free)) closeSync(fd);
      const refusal = await outcome(folder).catch(String);
      for (const fd of used) closeSync(fd);
      t.match(refusal, 'EMFILE', `${free} descriptors`);
    }
  } finally {
    softLimit(Number(before));
  }
  t.equal(await outcome(folder), 'opened');
});

/** Opens files until the process may open no more. */
function allDescriptors(): number[] {
  const opened: number[] = [];
  for (;;) {
    try {
      opened.push(openSync('/dev/null', 'r'));
    } catch (thrown) {
      if (errorCode(thrown) !== 'EMFILE') throw thrown;
      return opened;
    }
  }
}

if (requires(t, root)) {
  t.test('without an inode for the lock file, the castle refuses to start and creates nothing', async (t) => {
    const folder = temporaryFolder(t, 'inodes');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,nr_inodes=2', 'full', folder]);
    t.teardown(() => execFileSync('umount', ['--lazy', folder]));
    writeFileSync(join(folder, 'fill'), '');
    t.match(await outcome(folder), /^73 .*ENOSPC/);
    t.equal(readFileSync(join(folder, 'fill'), 'utf8'), '');
    rmSync(join(folder, 'fill'));
  });
}
