// Builds everything: the native programs and the bundles of `bailey` and `castle` into dist/, and the demo, the benchmarks
// and the tests into build/.
//
//   node scripts/build.js            dist/, build/demo and build/bench
//   node scripts/build.js --tests    build/test as well
//   node scripts/build.js --inject   dist/bailey-agent as well, the agent as one file; later builds renew it if it exists
//   node scripts/build.js --agent FILE
//                                    only the agent as one file, with the Node that runs this script, from the parts of an
//                                    earlier build with --inject
//   node scripts/build.js --target arm64 --target amd64
//                                    only the static programs, for these machines, into dist/arm64 and dist/amd64, so that
//                                    a Dockerfile for both can use COPY dist/$TARGETARCH/bailey-init. The other machine
//                                    needs its cross compiler, and for musl scripts/get-musl.sh.
//
// The bundles are CommonJS although the sources are ES modules: a CommonJS bundle starts some milliseconds sooner
// (`npm run bench` shows it beside `node -e 0`), and each container starts `bailey jenkins`.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
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
import { BuildError, requireNativeTools, requireToolsFor } from './build-tools.js';
import { inject } from './inject.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
const require = createRequire(import.meta.url);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

/** Options of every bundle. */
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
  define: { BAILEY_VERSION: JSON.stringify(version) },
};

/** The first line of a released bundle defines what its import.meta.url becomes. */
const urlBanner = 'const bundleUrl=require("node:url").pathToFileURL(__filename).href;';

/** Options of every bundle that is released. */
const small = {
  format: 'cjs',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  define: { ...common.define, 'import.meta.url': 'bundleUrl' },
};

const { values: wanted } = parseArgs({
  options: {
    agent: { type: 'string' },
    inject: { type: 'boolean' },
    tests: { type: 'boolean' },
    target: { type: 'string', multiple: true },
  },
});
try {
  await buildAll();
} catch (thrown) {
  if (!(thrown instanceof BuildError)) throw thrown;
  console.error(`build: ${thrown.message}`);
  process.exitCode = 1;
}

/** Builds the targets of the command line. */
async function buildAll() {
  if (wanted.target) {
    for (const name of wanted.target) buildProgramsFor(name);
    return;
  }
  if (wanted.agent) {
    inject(wanted.agent);
    return;
  }
  requireNativeTools();
  buildNative();
  await buildShipped();
  if (wanted.inject || existsSync('dist/bailey-agent')) await buildInjected();
  await buildLocal('demo', ['demo/main.ts']);
  await buildLocal('bench', ['bench/main.ts']);
  make(['bench']);
  if (wanted.tests) await buildLocal('test', testFiles());
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
  if (!machine) throw new BuildError(`--target is amd64 or arm64, not ${name}`);
  requireToolsFor(machine, process.arch === 'x64' ? 'amd64' : process.arch);
  make([`TARGET=${machine.uname}`, `OUT=../dist/${machine.docker}`, 'programs']);
}

/**
 * Runs make in native/. Its Makefile chooses the compiler, and prints which libc bailey-init is linked with.
 * @param {string[]} args variables and goals
 */
function make(args) {
  const made = spawnSync('make', ['--no-print-directory', '-C', 'native', `VERSION=${version}`, ...args], {
    stdio: 'inherit',
  });
  if (made.error) throw new BuildError(`make cannot be run: ${made.error.message}`);
  if (made.status !== 0) throw new BuildError('make failed, see above');
}

/** Bundles `bailey` and `castle` into dist/. */
async function buildShipped() {
  mkdirSync('dist', { recursive: true });
  // Without this file, Node would load the bundles as ES modules, because of "type" in package.json.
  writeFileSync('dist/package.json', '{ "type": "commonjs" }\n');
  await build({
    ...common,
    ...small,
    entryPoints: { 'castle-main': 'src/castle/commands/castle.ts' },
    outdir: 'dist',
    // Code from a code cache has no import().
    supported: { 'dynamic-import': false },
    banner: { js: urlBanner },
    external: ['*.node'],
    // lmdb's ES modules have a circular import; in the order of evaluation of a bundle, its iterators never end.
    alias: { lmdb: require.resolve('lmdb') },
    plugins: [lmdbBinary(), besideCastle(), withoutUnusedTransports()],
  });
  await buildBeside('castle-ebs', 'src/castle/aws/sdk.ts');
  await buildBeside('castle-s3', 'src/castle/snapshots/off-host/sdk.ts');
  const define = { ...small.define, CODE_CACHE_HASH: JSON.stringify(cacheCastle()) };
  await build({
    ...common,
    ...small,
    entryPoints: {
      bailey: 'src/bailey/commands/bailey.ts',
      castle: 'src/castle/commands/castle-launcher.ts',
    },
    outdir: 'dist',
    banner: { js: `#!/usr/bin/env node\n${urlBanner}` },
    external: ['*.node'],
    define,
  });
  for (const name of ['bailey', 'castle']) chmodSync(`dist/${name}.js`, 0o755);
}

/** Writes the code cache of dist/castle-main.js. @returns {string} the hash with which the launcher checks both */
function cacheCastle() {
  const main = 'dist/castle-main.js';
  const made = spawnSync(process.execPath, ['scripts/code-cache.js', main, `${main}.cache`], {
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new BuildError(`the code cache of the castle cannot be made: ${made.stderr}`);
  return createHash('sha256')
    .update(readFileSync(main))
    .update(readFileSync(`${main}.cache`))
    .digest('hex');
}

/**
 * Bundles a part of the castle that is loaded on demand, with the AWS SDK. From the SDK's ES modules, esbuild drops the code
 * that is not used: 0.9 of 1.5 MB remain for EC2, and load in half the time.
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
    // The castle's standard error is its log: the SDK must not write its warning about old releases of Node there.
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
  inject('dist/bailey-agent');
}

/**
 * Bundles programs that run only inside this repository: they load packages from node_modules.
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
 * @returns {string[]} every test file below test/, those that run in an emulated machine (scripts/test-nfs.sh), and the EC2
 *   simulator, a program that tests start
 */
function testFiles() {
  const isProgram = (file) =>
    file.endsWith('.test.ts') || file.endsWith('.machine.ts') || file === 'castle/ec2-simulator/main.ts';
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter(isProgram)
    .map((file) => join('test', file));
}

/** Keeps the import of such a part as an import of a file in the folder of castle.js. */
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
 * Leaves out the libraries with which dockerode connects over SSH and to BuildKit. The castle uses only the engine's Unix
 * socket; without them castle.js is a quarter smaller, and starts in seven eighths of the time.
 */
function withoutUnusedTransports() {
  return {
    name: 'without-unused-transports',
    setup(bundle) {
      bundle.onResolve({ filter: /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader)$/ }, ({ path }) => ({
        path,
        namespace: 'unused-transport',
      }));
      bundle.onLoad({ filter: /.*/, namespace: 'unused-transport' }, () => ({
        contents: 'module.exports = {};',
      }));
    },
  };
}

/**
 * lmdb searches for its prebuilt Node-API binary in node_modules, which a bundle does not have. This plug-in copies the binary
 * to dist/ and replaces lmdb's loader by a require of that file.
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
        // The file is replaced by a rename, because a running castle has the old file mapped and would crash on an overwritten page.
        copyFileSync(join(folder, 'node.napi.glibc.node'), 'dist/.lmdb.node');
        renameSync('dist/.lmdb.node', 'dist/lmdb.node');
        return { contents: 'module.exports = () => require("./lmdb.node");', loader: 'js', resolveDir: root };
      });
    },
  };
}
