import type { Command } from 'commander';
import type { Devices } from '../../protocol/contract.ts';
import { formatAge } from '../../terminal/duration.ts';
import { formatSize } from '../../terminal/size.ts';
import { addQuery } from './ask-castle.ts';

/** `castle devices`: the block devices of this host that hold volumes, and the device names that are avoided. */
export function addDevices(program: Command): void {
  const query = {
    name: 'devices',
    description:
      'list the block devices of this host that hold volumes, and the device names that are avoided',
    path: '/v1/devices',
    list: false,
  };
  addQuery<Devices>(program, query, ({ devices, avoidedNames }, nowMs) => {
    const titles = ['VOLUME', 'DEVICE', 'SOURCE', 'NAME', 'STATE', 'SIZE', 'FS', 'AGE'];
    const rows = devices.map(({ volume, device, source, name, state, sizeBytes, fileSystem, since }) => [
      volume,
      device ?? '-',
      source,
      name ?? '-',
      state ?? 'attached',
      formatSize(sizeBytes),
      fileSystem,
      since === undefined ? '-' : formatAge(since, nowMs),
    ]);
    return {
      table: rows.length === 0 ? [] : [titles, ...rows],
      lines: [
        ...(rows.length === 0 ? ['no devices'] : []),
        ...avoidedNames.map(
          ({ name, reason, until }) => `device name ${name} is avoided until ${until}: ${reason}`,
        ),
      ],
    };
  });
}
