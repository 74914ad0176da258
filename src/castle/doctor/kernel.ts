import { closeSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { release } from 'node:os';
import type { Native } from '../../linux/native-addon.ts';
import { errorMessage } from '../../terminal/failure.ts';
import { descriptorOf } from '../api/connections.ts';
import { type Finding, missing, ok, warning } from './finding.ts';

/** What the castle needs of the kernel besides mounting, which is tried as a whole. */
export async function kernelFindings(native: Native): Promise<readonly Finding[]> {
  return [version(), await peer(native)];
}

function version(): Finding {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const isAtLeast = (wantedMajor: number, wantedMinor: number) =>
    major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  if (!isAtLeast(5, 12)) return missing('kernel', `Linux ${release()}`, 'the castle needs Linux 5.12');
  if (!isAtLeast(6, 5)) {
    return warning(
      'kernel',
      `Linux ${release()} has no SO_PEERPIDFD`,
      'nothing needs to be done: who asks is looked at twice instead; from Linux 6.5 once is enough',
    );
  }
  return ok('kernel', `Linux ${release()}`);
}

/** Tried on a connection of this process with itself, by a name that is in no file system. */
async function peer(native: Native): Promise<Finding> {
  const what = 'who asks (peer pidfd)';
  const server = createServer();
  let client: Socket | undefined;
  try {
    const accepted = new Promise<Socket>((resolve, reject) => {
      server.once('connection', resolve);
      server.once('error', reject);
    });
    const name = `\0castle-doctor-${process.pid}`;
    server.listen(name, () => {
      client = createConnection(name);
      client.on('error', () => undefined);
    });
    const socket = await accepted;
    const fd = descriptorOf(socket);
    if (fd === undefined) throw new Error('Node gives no descriptor');
    const { pid, pidfd } = native.peer(fd);
    const alive = native.pidfdAlive(pidfd);
    socket.destroy();
    closeSync(pidfd);
    if (pid !== process.pid || !alive) throw new Error(`process ${process.pid} was taken for ${pid}`);
    return ok(what, 'the kernel says who is at the other end of a socket');
  } catch (thrown) {
    return missing(what, errorMessage(thrown), 'the castle needs SO_PEERCRED and pidfd_open (Linux 5.3)');
  } finally {
    client?.destroy();
    server.close();
  }
}
