/** A mount point on a file system that never answers: castle-mount hangs there in state D. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { compile } from '../../kit/compile.ts';
import { type Need, requires, root } from '../../kit/needs.ts';
import { CastleOnHost } from '../kit/castle-on-host.ts';
import { TestContainer } from '../kit/test-container.ts';

const fuse = (): Need => (existsSync('/dev/fuse') ? undefined : 'needs /dev/fuse');

if (requires(t, root, fuse)) {
  t.test(
    'a castle-mount that hangs blocks only its own volume, and not the stop of the castle',
    async (t) => {
      const castle = await CastleOnHost.start(t, 'process');
      const [mute] = compile(t, 'test/castle/mounting/mute-fuse.c');
      const [hangs, other] = [await TestContainer.start(t, castle), await TestContainer.start(t, castle)];
      const folder = join(hangs.home, 'mute');
      mkdirSync(folder);
      const ready = join(hangs.home, 'ready');
      await hangs.run('mkfifo', ready);
      await hangs.run('sh', '-c', `${mute} ${folder} >${ready} 2>&1 & head -n 1 ${ready}`);
      const busy = {
        status: 409,
        body: { error: { code: 'busy', message: /castle-mount hangs in the container/ } },
      };
      t.match(await hangs.lease('main', join(folder, 'target')), busy);
      t.match(
        await hangs.lease('main', join(folder, 'target')),
        busy,
        'a second request for the volume is refused',
      );
      t.match(await other.lease('main'), { status: 409, body: { error: { code: 'volume_in_use' } } });
      t.equal((await other.lease('another')).status, 201, 'requests for other volumes are granted');
      t.equal(await castle.end('SIGTERM'), 0, 'the castle stops');
      await hangs.kill();
    },
  );
}
