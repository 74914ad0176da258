import { closeSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { release } from 'node:os';
import type { Native } from '../../linux/native-addon.ts';
import { errorMessage } from '../../terminal/failure.ts';
import { descriptorOf } from '../api/connections.ts';
import { type Finding, missing, ok, warning } from './finding.ts';

/** Checks what the castle needs of the kernel besides mounting, which trial.ts tries as a whole. */
export async function kernelFindings(native: Native): Promise<readonly Finding[]> {
  return [version(), await peer(native)];
}

function version(): Finding {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const isAtLeast = (wantedMajor: number, wantedMinor: number) =>
    major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  if (!isAtLeast(5, 12)) return missing('kernel', `Linux ${release()}`, 'boot Linux 5.12 or newer');
  if (!isAtLeast(6, 5)) {
    return warning(
      'kernel',
      `Linux ${release()} has no SO_PEERPIDFD`,
      'no action is needed: the castle checks the identity of each caller twice instead',
    );
  }
  return ok('kernel', `Linux ${release()}`);
}

/** Tries SO_PEERCRED and pidfds on a connection of this process to itself, over an abstract unix socket. */
async function peer(native: Native): Promise<Finding> {
  const what = 'caller identity (peer pidfd)';
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
    if (fd === undefined) throw new Error('Node does not expose the descriptor of a socket');
    const { pid, pidfd } = native.peer(fd);
    const alive = native.pidfdAlive(pidfd);
    socket.destroy();
    closeSync(pidfd);
    if (pid !== process.pid || !alive)
      throw new Error(`the kernel reported process ${pid} instead of ${process.pid}`);
    return ok(what, 'the kernel identifies the process at the other end of a socket');
  } catch (thrown) {
    return missing(what, errorMessage(thrown), 'boot a kernel with SO_PEERCRED and pidfd_open (Linux 5.3)');
  } finally {
    client?.destroy();
    server.close();
  }
}
