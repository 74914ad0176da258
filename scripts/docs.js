// Generates the tables of the documentation from the code.
//
//   node scripts/docs.js            writes the generated tables into the pages of docs/
//   node scripts/docs.js --check    writes nothing; fails when a table differs from the code, when a link leads nowhere,
//                                   or when a page names a file of this repository that does not exist
//
// A page marks the place of a table with two comments:
//
//   <!-- generated: NAME -->
//   <!-- end of generated text -->
//
// scripts/docs/tables.ts has a function for each NAME. It reads the option tables, schemas and lists of the programs
// themselves, so that an option or a variable is described once, in the code. README.md must stay below 9 KB.
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { markdownTable as baileyInitOptions } from './bailey-init-options.js';
import { linkFaults } from './docs/links.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

const isCheck = process.argv.includes('--check');
const pages = [
  ...readdirSync('.').filter((file) => file.endsWith('.md')),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
].sort();

const tables = await loadTables();
const faults = [];
const unused = new Set(Object.keys(tables));
for (const page of pages) {
  const text = readFileSync(page, 'utf8');
  const fresh = await fill(page, text);
  if (fresh === text) continue;
  if (isCheck) faults.push(`${page}: its generated tables differ from the code; run: npm run docs`);
  else {
    writeFileSync(page, fresh);
    console.log(`${page}: written`);
  }
}
for (const name of unused) faults.push(`scripts/docs/tables.ts: no page has the table ${name}`);
faults.push(...linkFaults(pages));
if (statSync('README.md').size > 9 * 1024)
  faults.push('README.md: it is larger than 9 KB; move text to docs/');
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;

/**
 * @param {string} page path of the page, for messages
 * @param {string} text its content
 * @returns {Promise<string>} the content with every generated table renewed
 */
async function fill(page, text) {
  const region = /(<!-- generated: (\S+) -->\n)[\s\S]*?(<!-- end of generated text -->)/g;
  let filled = '';
  let end = 0;
  for (const match of text.matchAll(region)) {
    const [whole, begin, name, finish] = match;
    const table = tables[name];
    if (table === undefined) {
      faults.push(`${page}: scripts/docs/tables.ts has no table ${name}`);
      continue;
    }
    unused.delete(name);
    filled += `${text.slice(end, match.index)}${begin}\n${await table()}\n\n${finish}`;
    end = match.index + whole.length;
  }
  return filled + text.slice(end);
}

/** @returns {Promise<Record<string, () => string | Promise<string>>>} the functions of scripts/docs/tables.ts, by name */
async function loadTables() {
  // The folder is inside the repository, because the bundle loads packages from node_modules.
  const folder = `build/docs-${process.pid}`;
  const file = join(folder, 'tables.mjs');
  mkdirSync(folder, { recursive: true });
  try {
    await build({
      entryPoints: ['scripts/docs/tables.ts'],
      outfile: file,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      packages: 'external',
      external: ['*.node'],
      define: { BAILEY_VERSION: '"VERSION"' },
      logLevel: 'warning',
      plugins: [capturedSwagger()],
    });
    const { tables } = await import(pathToFileURL(file).href);
    return { 'bailey-init-options': () => baileyInitOptions().trim(), ...tables };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Replaces the castle's OpenAPI plug-in by scripts/docs/swagger-server-capture.ts, which keeps the server for openapi.ts. */
function capturedSwagger() {
  return {
    name: 'captured-swagger',
    setup(bundle) {
      bundle.onResolve({ filter: /^@fastify\/swagger$/ }, ({ importer }) =>
        importer.includes('/scripts/docs/')
          ? undefined
          : { path: join(root, 'scripts/docs/swagger-server-capture.ts') },
      );
    },
  };
}
