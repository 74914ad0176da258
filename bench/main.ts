// npm run bench [-- SECTION...] [--quick] [--json]
import { endingSignals, signalNumber } from '../src/terminal/ending-signals.ts';
import { castle } from './castle.ts';
import { inits } from './inits.ts';
import { inject } from './inject.ts';
import { jenkins } from './jenkins.ts';
import type { Section } from './section.ts';
import { ratios, renderTable } from './table.ts';

const sections: readonly Section[] = [inits, jenkins, inject, castle];

const words = process.argv.slice(2);
const flags = words.filter((word) => word.startsWith('-'));
const names = words.filter((word) => !word.startsWith('-'));
const known = sections.map((section) => section.name);

const wrong = [
  ...flags.filter((flag) => flag !== '--quick' && flag !== '--json'),
  ...names.filter((name) => !known.includes(name)),
];
if (wrong.length > 0) {
  console.error(`bench: unknown '${wrong[0]}'; sections: ${known.join(', ')}; options: --quick, --json`);
  process.exit(64);
}

// A signal ends the benchmark immediately; temporary-folder.ts and setpriv(1) clean up.
for (const name of endingSignals) process.on(name, () => process.exit(128 + signalNumber(name)));

const json = flags.includes('--json');
const results = [];
for (const section of sections) {
  if (names.length > 0 && !names.includes(section.name)) continue;
  const reportProgress = (line: string) => process.stderr.write(`${section.name}: ${line}\n`);
  for (const table of await section.run({ quick: flags.includes('--quick'), reportProgress })) {
    if (json) results.push({ section: section.name, ...table, ratios: ratios(table) });
    else console.log(renderTable(table));
  }
}
if (json) console.log(JSON.stringify(results, null, 2));
