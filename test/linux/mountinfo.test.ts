/** The parser of /proc/PID/mountinfo. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { mountOf, mountsOf, parseMountinfo } from '../../src/linux/mountinfo.ts';

const lines = [
  '20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro',
  '21 20 8:2 /a\\040folder /data\\134x ro,nosuid shared:7 master:3 propagate_from:2 - xfs /dev/sdb rw',
  '22 21 0:40 / /data\\134x/inner rw - tmpfs tmp\\011fs ro',
  '23 20 0:50 / /home rw - nfs4 server:/export/home rw,vers=4.2,addr=10.0.0.7',
  '24 20 0:51 / /v6 rw - nfs [fe80::1]:/x rw,addr=fe80::1',
  '25 20 0:52 / /fuse rw - fuse.sshfs server:/x rw,addr=10.0.0.7',
];

t.test('every field of a line of mountinfo is parsed', async (t) => {
  const [root, data, inner, home, v6, fuse] = parseMountinfo(`${lines.join('\n')}\n`);
  t.match(root, {
    id: 20,
    parent: 1,
    device: '8:1',
    root: '/',
    point: '/',
    readonly: false,
    peerGroup: 'shared:1',
  });
  t.match(root, { type: 'ext4', source: '/dev/sda1', fileSystemOptions: 'rw,errors=remount-ro' });
  t.match(data, {
    id: 21,
    root: '/a folder',
    point: '/data\\x',
    readonly: true,
    peerGroup: 'shared:7',
    type: 'xfs',
  });
  t.match(inner, { source: 'tmp\tfs', readonly: true });
  t.notOk(inner?.peerGroup);
  t.match(home, { device: 'nfs server', root: '/export/home', rootInFileSystem: '/', address: '10.0.0.7' });
  t.match(v6, { device: 'nfs [fe80::1]', root: '/x', address: 'fe80::1' });
  t.match(fuse, { device: '0:52', root: '/' }, 'a FUSE file system does not count as NFS');
  t.same(parseMountinfo(''), []);
});

t.test('the mount of a path is the innermost visible one', async (t) => {
  const mounts = parseMountinfo(lines.join('\n'));
  const on = (path: string, table = mounts) => mountOf(table, path)?.id;
  t.equal(on('/'), 20);
  t.equal(on('/homes'), 20);
  t.equal(on('/home'), 23);
  t.equal(on('/home/a/b'), 23);
  t.equal(on('/data\\x/inner/file'), 22);
  const hidden = parseMountinfo([...lines, '26 20 0:60 / /data\\134x rw - tmpfs t rw'].join('\n'));
  t.equal(on('/home', hidden), 23);
  const over = parseMountinfo([...lines, '26 21 0:60 / /data\\134x rw - tmpfs t rw'].join('\n'));
  t.equal(on('/data\\x/inner/file', over), 26, 'a mount below a hidden mount point does not count');
});

t.test('the mounts of a running process are read from /proc', async (t) => {
  t.same(mountsOf('self'), parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')));
  t.equal(mountsOf(2 ** 30), undefined, 'undefined for a process that does not exist');
});
