// Writes dist/bailey-agent, the single-file `bailey agent`, which needs only glibc and java. The file is the program of
// native/inject, followed by the Node that runs this script, the libraries of that Node that some images lack, the addon and
// the bundle. native/inject/payload.h describes the layout.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename } from 'node:path';
import { BuildError } from './build-tools.js';

const folder = 'build/inject';
/** Parts begin at multiples of this, because Node is mapped from the file: arm64 has pages of up to 64 KB. */
const alignment = 65536;

/** The libraries of every glibc, and the vDSO, which has no file. */
const ofGlibc = /^(linux-vdso|ld-linux[-.\w]*|libc|libm|libdl|libpthread|librt)\.so/;

/** A Node that a distribution has split into dozens of libraries is refused. */
const maxLibraries = 4;

/**
 * Writes the agent as one file. build/inject must have front, addon.node and bailey-agent.js.
 * @param {string} target the path of the new file
 */
export function inject(target) {
  // A folder for each Node: agents with different releases may be written at the same time.
  const stripped = `${folder}/${process.versions.node}`;
  mkdirSync(stripped, { recursive: true });
  run('strip', '-o', `${stripped}/node`, process.execPath);
  const parts = [
    `${stripped}/node`,
    ...librariesOf(process.execPath),
    `${folder}/addon.node`,
    `${folder}/bailey-agent.js`,
  ];
  writeFile(target, [`${folder}/front`, ...parts]);
  const megabytes = (statSync(target).size / 1e6).toFixed(1);
  console.log(
    `bailey-agent: ${megabytes} MB with Node ${process.versions.node}; it needs glibc ${oldestGlibc(parts)} or newer`,
  );
}

/** @returns {string[]} the files of the libraries that a program needs, without those of glibc */
function librariesOf(program) {
  const listed = run('ldd', program);
  const files = [...listed.matchAll(/^\t(\S+) => (\/\S+) \(0x/gm)]
    .filter(([, name]) => !ofGlibc.test(name))
    .map(([, , file]) => file);
  if (files.length <= maxLibraries) return files;
  throw new BuildError(
    `${program} needs ${files.length} libraries besides glibc. Build with a Node from nodejs.org`,
  );
}

/**
 * @param {string} target the path of the new file
 * @param {string[]} files the program itself, then the parts
 */
function writeFile(target, [front, ...parts]) {
  const unfinished = `${target}.${process.pid}`;
  const out = openSync(unfinished, 'w');
  let at = writeSync(out, readFileSync(front));
  const records = parts.map((file) => {
    at += writeSync(out, Buffer.alloc(-at & (alignment - 1)));
    const content = readFileSync(file);
    const record = Buffer.alloc(48);
    record.write(basename(file), 0, 31);
    record.writeBigUInt64LE(BigInt(at), 32);
    record.writeBigUInt64LE(BigInt(content.length), 40);
    at += writeSync(out, content);
    return record;
  });
  const end = Buffer.alloc(16);
  end.write('bailey-1');
  end.writeBigUInt64LE(BigInt(records.length), 8);
  writeSync(out, Buffer.concat([...records, end]));
  closeSync(out);
  chmodSync(unfinished, 0o755);
  // The file is replaced by a rename, because containers may run the old file.
  renameSync(unfinished, target);
}

/** @returns {string} the oldest glibc that has every symbol version that Node and the addon need */
function oldestGlibc(parts) {
  const versions = parts
    .filter((file) => file.startsWith(folder) && !file.endsWith('.js'))
    .flatMap((file) => [...run('objdump', '-T', file).matchAll(/GLIBC_(\d+)\.(\d+)/g)])
    .map(([, major, minor]) => [Number(major), Number(minor)]);
  return (versions.sort(([a, b], [c, d]) => c - a || d - b)[0] ?? ['?']).join('.');
}

/** @returns {string} its standard output */
function run(command, ...args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error?.code === 'ENOENT')
    throw new BuildError(
      `${command} is not installed. On Debian or Ubuntu, run: apt-get install binutils libc-bin`,
    );
  if (error || status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}
