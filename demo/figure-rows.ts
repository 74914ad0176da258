import type { MountLine } from '../src/linux/mountinfo.ts';
import type { Figures, InitFigures } from './figures.ts';
import type { Row } from './screen.ts';

/** The rows of the live display. */
export function figureRows(figures: Figures, orphans: number, mostZombies: number): readonly Row[] {
  const { init, controller, mount } = figures;
  const zombies: Row = ['zombies', `${figures.zombies} now, ${mostZombies} at most`];
  if (init === undefined) return [['orphans', `${orphans} left behind`], zombies];
  return [
    ['orphans', `${orphans} left behind`],
    zombies,
    ['PID 1', `bailey-init, ${init.residentKb} KB, ${costText(init)} since its start`],
    [
      controller?.name ?? 'java',
      controller === undefined
        ? 'has ended'
        : `${Math.round(controller.memoryMb)} MB, ${Math.round(controller.cpuPercent)} % CPU`,
    ],
    ['storage', mount === undefined ? 'nothing is mounted' : mountText(mount), 'terminal'],
  ];
}

/** Formats the mount on JENKINS_HOME for the output. */
export const mountText = ({ rootInFileSystem, type }: MountLine): string =>
  `${rootInFileSystem} (${type}) on JENKINS_HOME`;

/** Formats CPU time and wake-ups for the output. */
export const costText = ({ cpuMs, wakeUps }: Pick<InitFigures, 'cpuMs' | 'wakeUps'>): string =>
  `${cpuMs.toFixed(1)} ms CPU, ${wakeUps} ${wakeUps === 1 ? 'wake-up' : 'wake-ups'}`;
