import { Command } from 'commander';
import { allCommands } from '../../terminal/command-line.ts';
import { version } from '../../terminal/version.ts';
import { addCopies } from './copies.ts';
import { addDevices } from './devices.ts';
import { addDoctor } from './doctor.ts';
import { addEvents } from './events.ts';
import { addGc } from './gc.ts';
import { addLeases } from './leases.ts';
import { addServe } from './serve.ts';
import { addSnapshot } from './snapshot.ts';
import { addSnapshots } from './snapshots.ts';
import { addStatus } from './status.ts';
import { addToken } from './token.ts';
import { addVolume } from './volume.ts';
import { addDeleted, addVolumes } from './volumes.ts';

/** Returns the command line of `castle`. */
export function describeCastle(): Command {
  const program = new Command('castle')
    .description('Mounts storage volumes into the running containers of this host that request them.')
    .version(`castle ${version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', epilogue);
  addServe(program);
  addVolumes(program);
  addVolume(program);
  addDeleted(program);
  addSnapshots(program);
  addSnapshot(program);
  addCopies(program);
  addLeases(program);
  addToken(program);
  addDevices(program);
  addStatus(program);
  addEvents(program);
  addGc(program);
  addDoctor(program);
  for (const command of allCommands(program)) command.helpOption('-h, --help', 'print this help');
  return program;
}

const epilogue = `
Examples:
  castle serve --backend local=/srv/castle --runtime docker
  docker run -v /run/castle:/run/castle:ro --label castle.volume=master-1 \\
    -e CASTLE_URL=unix:///run/castle/castle.sock -e CASTLE_VOLUME=master-1 …
  castle token --container master-1 --volume master-1 --out /srv/secrets/master-1/token
  castle doctor
  castle leases --watch

Exit codes:
  1   castle doctor: something is missing
  64  wrong command line          69  no castle answers on the socket
  73  a folder cannot be used     75  another castle is running
  77  no permission               78  a setting is wrong`;
