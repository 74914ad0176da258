import type { Command } from 'commander';
import type { Devices } from '../../protocol/contract.ts';
import { inColumns } from '../../terminal/columns.ts';
import { formatSize } from '../../terminal/size.ts';
import { addQuestion } from './ask-castle.ts';

/** `castle devices`: which device of this host has which volume, and which device names are avoided. */
export function addDevices(program: Command): void {
  const question = {
    name: 'devices',
    description: 'list the devices of this host that have volumes, and the device names that are avoided',
    path: '/v1/devices',
    list: false,
  };
  addQuestion<Devices>(program, question, ({ devices, avoidedNames }) => [
    ...(devices.length === 0
      ? ['no devices']
      : inColumns([
          ['VOLUME', 'DEVICE', 'SOURCE', 'NAME', 'STATE', 'SIZE', 'FS', 'SINCE'],
          ...devices.map(({ volume, device, source, name, state, sizeBytes, fileSystem, since }) => [
            volume,
            device ?? '-',
            source,
            name ?? '-',
            state ?? 'attached',
            formatSize(sizeBytes),
            fileSystem,
            since ?? '-',
          ]),
        ])),
    ...avoidedNames.map(
      ({ name, reason, until }) => `device name ${name} is avoided until ${until}: ${reason}`,
    ),
  ]);
}
