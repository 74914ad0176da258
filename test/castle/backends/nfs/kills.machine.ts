/**
 * A castle with the backend nfs is killed at every step of its operations. `scripts/test-nfs.sh kills` runs this, apart
 * from the other tests, because each start of a castle takes seconds in that machine. CASTLE_KILL=text selects the
 * operations whose names contain the text.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { contentsOf } from '../../crash/crash-backends.ts';
import type { CrashBackend } from '../../crash/crash-harness.ts';
import { concurrently, nameOf, operations } from '../../crash/crash-operations.ts';
import { killAtEachStep } from '../../crash/kill-at-each-step.ts';
import { CastleOnHost } from '../../kit/castle-on-host.ts';
import { exportsFolder } from './server.ts';

t.setTimeout(0);

let castles = 0;
const nfs: CrashBackend = {
  name: 'nfs',
  async start(t, places) {
    castles += 1;
    const path = join('data', `castle-${castles}`);
    const folder = join(exportsFolder, path);
    mkdirSync(folder);
    return {
      castle: await CastleOnHost.start(t, 'process', { nfs: `127.0.0.1:/${path}`, ...places }),
      async contents() {
        const { leftOver, ...contents } = contentsOf(folder, (name) => name.split('~')[0] ?? '');
        return { ...contents, leftOver: leftOver.filter((name) => !['.claims', '.removing'].includes(name)) };
      },
      untilUnused: async () => undefined,
    };
  },
};

const names = ['create', 'mount of', 'release', "the container's end", 'start', 'delete', 'restore', 'purge'];
const asked = operations.filter(
  (operation) =>
    names.some((name) => operation.name.startsWith(name)) &&
    nameOf(operation, nfs).includes(process.env['CASTLE_KILL'] ?? ''),
);

t.test(
  'a castle that is killed at any step of any operation loses no data and leaves no garbage',
  async (t) => {
    const begin = performance.now();
    let kills = 0;
    await concurrently(asked, async (operation) => {
      const count = await killAtEachStep(t, operation, nfs);
      kills += count.kills;
      t.comment(`${nameOf(operation, nfs)}: ${count.kills} kills, ${count.skipped} skipped`);
    });
    t.comment(`${kills} kills in ${Math.round((performance.now() - begin) / 1000)} s`);
    t.not(kills, 0);
  },
);
