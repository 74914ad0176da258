import type { MountLine } from '../src/linux/mountinfo.ts';
import type { Figures, InitFigures } from './figures.ts';
import type { Row } from './screen.ts';

/** What the live display says. */
export function rows(figures: Figures, orphans: number, mostZombies: number): readonly Row[] {
  const { init, controller, mount } = figures;
  return [
    ['orphans', `${orphans} left behind`],
    ['zombies', `${figures.zombies} now, ${mostZombies} at most`],
    ['PID 1', `bailey-init, ${init.residentKb} KB, ${cost(init)} since its start`],
    [
      controller?.name ?? 'java',
      controller === undefined
        ? 'has ended'
        : `${Math.round(controller.memoryMb)} MB, ${Math.round(controller.cpuPercent)} % CPU`,
    ],
    ['storage', mount === undefined ? 'nothing is mounted' : describe(mount), 'terminal'],
  ];
}

/** The mount on JENKINS_HOME, for people. */
export const describe = ({ rootInFileSystem, type }: MountLine): string =>
  `${rootInFileSystem} (${type}) on JENKINS_HOME`;

/** CPU and wake-ups, for people. */
export const cost = ({ cpuMs, wakeUps }: Pick<InitFigures, 'cpuMs' | 'wakeUps'>): string =>
  `${cpuMs.toFixed(1)} ms CPU, ${wakeUps} ${wakeUps === 1 ? 'wake-up' : 'wake-ups'}`;
