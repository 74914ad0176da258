import { readFileSync } from 'node:fs';

/** The median; undefined when there are no values. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2;
}

/** The smallest value, for figures that other load on the machine only increases. */
export const least = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : Math.min(...values);

/**
 * Measures subjects in turn, round after round, so that other load on the machine affects all of them alike.
 * @param pick which of the rounds' values counts
 * @returns the picked values of each subject, in the order of the subjects
 */
export async function alternate<Subject, Measured extends Record<keyof Measured, number>>(
  subjects: readonly Subject[],
  rounds: number,
  measure: (subject: Subject) => Promise<Measured>,
  pick: (values: readonly number[]) => number | undefined = median,
): Promise<Measured[]> {
  const measured: Measured[][] = subjects.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const [index, subject] of subjects.entries()) measured[index]?.push(await measure(subject));
  return measured.map((samples) => {
    const names = Object.keys(samples[0] ?? {}) as (keyof Measured)[];
    const picked = names.map((name) => [name, pick(samples.map((sample) => sample[name]))]);
    return Object.fromEntries(picked) as Measured;
  });
}

/** CPU time of a process's first thread in milliseconds, to the nanosecond (/proc/PID/schedstat). */
export function cpuMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

/** How often a process went to sleep (voluntary context switches), which is how often it was woken. */
export function wakeUps(pid: number): number {
  return field(`/proc/${pid}/status`, 'voluntary_ctxt_switches');
}

/** Resident memory in KB: the complete size (RSS), and the size with shared pages divided among their users (PSS). */
export function memoryKb(pid: number): { rss: number; pss: number } {
  const file = `/proc/${pid}/smaps_rollup`;
  return { rss: field(file, 'Rss'), pss: field(file, 'Pss') };
}

/** How many children a process has. */
export function childCount(pid: number): number {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).length;
}

function field(file: string, name: string): number {
  const found = readFileSync(file, 'utf8').match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'));
  if (!found) throw new Error(`${file} has no ${name}`);
  return Number(found[1]);
}
