// Builds everything: the native programs into dist/, the two command lines into one bundled file each in dist/,
// and what only this repository needs (demo, benchmarks, tests) into build/.
//
//   node scripts/build.js            dist/, build/demo and build/bench
//   node scripts/build.js --tests    build/test as well
//   node scripts/build.js --inject   dist/bailey-agent as well, the agent as one file; once there, every build renews it
//   node scripts/build.js --target arm64 --target amd64
//                                    only the two static programs, for these machines: dist/arm64/bailey-init and so on,
//                                    so that a Dockerfile for several can say COPY dist/$TARGETARCH/bailey-init; another
//                                    machine than this one needs Debian's gcc-aarch64-linux-gnu (gcc-x86-64-linux-gnu),
//                                    and for musl what scripts/get-musl.sh fetches
//
// The bundles are CommonJS although the sources are ES modules: a CommonJS entry starts some milliseconds sooner
// (`npm run bench` shows the start-up beside `node -e 0`), and `bailey jenkins` is started with every container.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { inject } from './inject.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
const require = createRequire(import.meta.url);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

/** What every bundle shares. */
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
  define: { BAILEY_VERSION: JSON.stringify(version) },
};

/** What every bundle shares that ships. */
const small = {
  format: 'cjs',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  define: { ...common.define, 'import.meta.url': 'bundleUrl' },
};

const { values: asked } = parseArgs({
  options: {
    inject: { type: 'boolean' },
    tests: { type: 'boolean' },
    target: { type: 'string', multiple: true },
  },
});
if (asked.target) {
  for (const name of asked.target) buildProgramsFor(name);
} else {
  buildNative();
  await buildShipped();
  if (asked.inject || existsSync('dist/bailey-agent')) await buildInjected();
  await buildLocal('demo', ['demo/main.ts']);
  await buildLocal('bench', ['bench/main.ts']);
  make(['bench']);
  if (asked.tests) await buildLocal('test', testFiles());
}

/** Compiles native/ for this machine. */
function buildNative() {
  make([`NODE_API_HEADERS=${require('node-api-headers').include_dir}`]);
}

/**
 * Compiles the static programs into dist/NAME.
 * @param {string} name a machine, as Docker or uname(1) calls it
 */
function buildProgramsFor(name) {
  const machines = [
    { docker: 'amd64', uname: 'x86_64' },
    { docker: 'arm64', uname: 'aarch64' },
  ];
  const machine = machines.find(({ docker, uname }) => name === docker || name === uname);
  if (!machine) throw new Error(`--target ${name}: it must be ${machines.map((m) => m.docker).join(' or ')}`);
  make([`TARGET=${machine.uname}`, `OUT=../dist/${machine.docker}`, 'programs']);
}

/**
 * Runs make in native/; its Makefile chooses the compiler and says which libc PID 1 is linked with.
 * @param {string[]} args variables and goals
 */
function make(args) {
  const made = spawnSync('make', ['--no-print-directory', '-C', 'native', `VERSION=${version}`, ...args], {
    stdio: 'inherit',
  });
  if (made.error)
    throw new Error(`make cannot be run (${made.error.message}): install make and a C compiler`);
  if (made.status !== 0) process.exit(made.status ?? 1);
}

/** Bundles `bailey` and `castle`, each into one executable file in dist/. */
async function buildShipped() {
  await build({
    ...common,
    entryPoints: { bailey: 'src/bailey/commands/bailey.ts', castle: 'src/castle/commands/castle.ts' },
    outdir: 'dist',
    ...small,
    banner: {
      js: '#!/usr/bin/env node\nconst bundleUrl=require("node:url").pathToFileURL(__filename).href;',
    },
    external: ['*.node'],
    // lmdb's ES modules import each other in a circle; in a bundle's order of evaluation its iterators never end.
    alias: { lmdb: require.resolve('lmdb') },
    plugins: [lmdbBinary(), besideCastle()],
  });
  await buildBeside('castle-ebs', 'src/castle/aws/sdk.ts');
  await buildBeside('castle-s3', 'src/castle/snapshots/off-host/sdk.ts');
  for (const name of ['bailey', 'castle']) chmodSync(`dist/${name}.js`, 0o755);
  // Without this, a dist/ inside this ESM package would be read as ES modules.
  writeFileSync('dist/package.json', '{ "type": "commonjs" }\n');
}

/**
 * Bundles a part of the castle that only some castles load, with the SDK of AWS in it. As ES modules, what is not used is
 * left out: of EC2's, 0.9 MB are left of 1.5, which load in half the time.
 * @param {string} name of the file in dist/
 * @param {string} entry source file
 */
async function buildBeside(name, entry) {
  await build({
    ...common,
    ...small,
    entryPoints: { [name]: entry },
    outdir: 'dist',
    mainFields: ['module', 'main'],
    minify: true,
    // The castle's standard error is its log: a warning about Node's age has no place in it.
    define: {
      ...small.define,
      'process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED': '"true"',
    },
    banner: { js: 'const bundleUrl=require("node:url").pathToFileURL(__filename).href;' },
  });
}

/** Builds dist/bailey-agent. */
async function buildInjected() {
  make([`NODE_API_HEADERS=${require('node-api-headers').include_dir}`, 'inject']);
  await build({
    ...common,
    ...small,
    entryPoints: ['src/bailey/commands/bailey-agent.ts'],
    outdir: 'build/inject',
    // Compiled as a function, the bundle has no import().
    supported: { 'dynamic-import': false },
    banner: { js: 'const bundleUrl="file:///bailey-agent.js";' },
  });
  inject();
}

/**
 * Builds files that run inside this repository only: packages stay where npm put them.
 * @param {string} name folder below build/
 * @param {string[]} entryPoints source files
 */
async function buildLocal(name, entryPoints) {
  const outdir = `build/${name}`;
  rmSync(outdir, { recursive: true, force: true });
  await build({
    ...common,
    entryPoints,
    outdir,
    outbase: name,
    format: 'esm',
    packages: 'external',
    sourcemap: 'inline',
  });
}

/**
 * @returns {string[]} every test file below test/, also those of another machine (scripts/test-nfs.sh), and the simulator of
 *   EC2, a program that tests start
 */
function testFiles() {
  const isOne = (file) =>
    file.endsWith('.test.ts') || file.endsWith('.machine.ts') || file === 'castle/ec2-simulator/main.ts';
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter(isOne)
    .map((file) => join('test', file));
}

/** Leaves the import of a part to the castle that needs it: the file lies beside castle.js. */
function besideCastle() {
  const beside = (importer) => (importer.includes('/aws/') ? './castle-ebs.js' : './castle-s3.js');
  return {
    name: 'beside-castle',
    setup(bundle) {
      bundle.onResolve({ filter: /\/sdk\.ts$/ }, ({ kind, importer }) =>
        kind === 'dynamic-import' ? { path: beside(importer), external: true } : undefined,
      );
    },
  };
}

/**
 * lmdb finds its prebuilt Node-API binary by walking node_modules, which a bundle doesn't have: the binary is laid
 * beside castle.js and the loader is replaced by a require of that file.
 */
function lmdbBinary() {
  return {
    name: 'lmdb-binary',
    setup(bundle) {
      bundle.onResolve({ filter: /^node-gyp-build-optional-packages$/ }, () => ({
        path: 'lmdb-binary',
        namespace: 'lmdb-binary',
      }));
      bundle.onLoad({ filter: /.*/, namespace: 'lmdb-binary' }, () => {
        mkdirSync('dist', { recursive: true });
        const platform = `@lmdb/lmdb-linux-${process.arch}`;
        const folder = dirname(
          require.resolve(`${platform}/package.json`, { paths: [dirname(require.resolve('lmdb'))] }),
        );
        // Renamed into place: a running castle has the old file mapped, and would crash on a page that is overwritten.
        copyFileSync(join(folder, 'node.napi.glibc.node'), 'dist/.lmdb.node');
        renameSync('dist/.lmdb.node', 'dist/lmdb.node');
        return { contents: 'module.exports = () => require("./lmdb.node");', loader: 'js', resolveDir: root };
      });
    },
  };
}
