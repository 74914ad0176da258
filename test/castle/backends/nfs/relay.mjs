// Listens on a free port of localhost, prints its number, and forwards connections to the NFS server.
import { connect, createServer } from 'node:net';

const server = createServer({ allowHalfOpen: false }, (client) => {
  const onward = connect(2049, '127.0.0.1');
  client.pipe(onward).pipe(client);
  for (const socket of [client, onward]) {
    socket.on('error', () => undefined);
    socket.on('close', () => {
      client.destroy();
      onward.destroy();
    });
  }
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
