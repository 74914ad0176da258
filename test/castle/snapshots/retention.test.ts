/** Which snapshots a retention setting keeps, and how schedules and retention settings are parsed. */
import t from 'tap';
import { expiredSnapshots, type Retention } from '../../../src/castle/snapshots/retention.ts';
import {
  parseRetention,
  parseSchedule,
  parseVolumeNames,
} from '../../../src/castle/snapshots/schedule-settings.ts';

const aged = (taken: string) => ({ id: taken, taken: `${taken}:00.000Z` });

/** The times of the snapshots that are kept, newest last. */
const kept = (retention: Retention, times: readonly string[]) => {
  const gone = new Set(expiredSnapshots(times.map(aged), retention).map(({ id }) => id));
  return times.filter((time) => !gone.has(time));
};

for (const [name, retention, all, wanted] of [
  [
    'without numbers, all',
    {},
    ['2026-01-01T00:00', '2026-01-01T00:01'],
    ['2026-01-01T00:00', '2026-01-01T00:01'],
  ],
  ['none of none', { last: 1 }, [], []],
  [
    'the last ones',
    { last: 2 },
    ['2026-01-01T00:00', '2026-01-02T00:00', '2026-01-02T00:01'],
    ['2026-01-02T00:00', '2026-01-02T00:01'],
  ],
  [
    'the newest of each hour, hours without any not counted',
    { hourly: 3 },
    [
      '2026-01-01T03:10',
      '2026-01-01T07:00',
      '2026-01-01T07:59',
      '2026-01-02T00:00',
      '2026-01-02T00:30',
      '2026-01-02T09:00',
    ],
    ['2026-01-01T07:59', '2026-01-02T00:30', '2026-01-02T09:00'],
  ],
  [
    'days begin at midnight, UTC',
    { daily: 2 },
    ['2026-02-27T12:00', '2026-02-28T23:59', '2026-03-01T00:00', '2026-03-01T23:59'],
    ['2026-02-28T23:59', '2026-03-01T23:59'],
  ],
  [
    'weeks begin on Monday, over the end of a year, too',
    { weekly: 2 },
    // A Sunday, a Monday, the Wednesday and Friday of that week in two years, the next Monday.
    ['2025-12-28T23:59', '2025-12-29T00:00', '2025-12-31T12:00', '2026-01-02T12:00', '2026-01-05T00:00'],
    ['2026-01-02T12:00', '2026-01-05T00:00'],
  ],
  [
    'months',
    { monthly: 2 },
    ['2025-11-30T00:00', '2025-12-01T00:00', '2025-12-31T23:59', '2026-01-31T00:00'],
    ['2025-12-31T23:59', '2026-01-31T00:00'],
  ],
  [
    'one is kept when any kind keeps it',
    { last: 1, daily: 2, monthly: 2 },
    [
      '2025-12-03T00:00',
      '2025-12-04T00:00',
      '2026-01-01T00:00',
      '2026-01-02T00:00',
      '2026-01-02T01:00',
      '2026-01-03T00:00',
    ],
    ['2025-12-04T00:00', '2026-01-02T01:00', '2026-01-03T00:00'],
  ],
  ['fewer than are kept', { hourly: 24, weekly: 4 }, ['2026-01-01T00:00'], ['2026-01-01T00:00']],
] as const) {
  t.test(name, async (t) => {
    t.same(kept(retention, all), wanted);
    t.same(kept(retention, [...all].reverse()).sort(), wanted, 'the order of the times does not matter');
  });
}

t.test(
  'the newest snapshot is always kept, and a kept snapshot stays until a newer one replaces it',
  async (t) => {
    const hours = Array.from({ length: 24 * 100 }, (_, n) => new Date(Date.UTC(2026, 0, 1, n)).toISOString());
    const retention = { hourly: 24, daily: 7, weekly: 4, monthly: 12 };
    let left: { readonly id: string; readonly taken: string }[] = [];
    for (const taken of hours) {
      left.push({ id: taken, taken });
      const gone = new Set(expiredSnapshots(left, retention));
      left = left.filter((snapshot) => !gone.has(snapshot));
      t.equal(left.at(-1)?.taken, taken);
      t.same(expiredSnapshots(left, retention), []);
    }
    // 100 days end on a Friday, 2026-04-10: the last day and its 24 hours, 6 more days, 3 Sundays before that, 3 months.
    t.equal(left.length, 24 + 6 + 3 + 2);
  },
);

t.test('schedules and retention settings are parsed, and wrong ones are errors', async (t) => {
  t.same(parseRetention('last=3,hourly=24,monthly=1'), { last: 3, hourly: 24, monthly: 1 });
  for (const wrong of [
    '',
    'last',
    'last=0',
    'last=x',
    'yearly=1',
    'last=1,last=2',
    'last=1;daily=2',
    'last=1,',
  ]) {
    t.throws(() => parseRetention(wrong), /^--snapshot-keep has /, wrong);
  }
  const at = (time: string) => Date.parse(`${time}:00Z`);
  const { nextAfter } = await parseSchedule('0 3 * * *; 30 4 * * 1');
  t.equal(
    nextAfter(at('2026-03-29T02:59')),
    at('2026-03-29T03:00'),
    'times are in UTC, so no hour is missing when clocks change',
  );
  t.equal(
    nextAfter(at('2026-03-29T03:00')),
    at('2026-03-30T03:00'),
    'the next time is later than the given one',
  );
  t.equal(nextAfter(at('2026-03-30T03:00')), at('2026-03-30T04:30'), 'the earliest time of all expressions');
  t.same(
    ['main', 'main2', 'team-1', 'team-12', 'a.b', 'a.bc', 'axb'].filter(parseVolumeNames('main,team-?,a.b*')),
    ['main', 'team-1', 'a.b', 'a.bc'],
  );
  for (const schedule of ['', '* * * *', '61 * * * *', '* * * * *; x']) {
    await t.rejects(parseSchedule(schedule), /^--snapshot-schedule has /, schedule);
  }
  for (const volumes of ['', 'a/b', 'main,']) {
    t.throws(() => parseVolumeNames(volumes), /^--snapshot-volumes has /, volumes);
  }
});
