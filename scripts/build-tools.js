// Checks for the programs that a build calls. When one is missing, the build ends with one line that names the package to
// install, before make or a compiler fails.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** An error of the build that is printed as one line without a stack trace. */
export class BuildError extends Error {}

/**
 * Checks that the native programs can be compiled for this machine.
 * @throws {BuildError} when make, a C compiler or the C headers are missing
 */
export function requireNativeTools() {
  requireProgram('make', 'make');
  const [compiler] = (process.env.CC || 'cc').split(' ');
  requireProgram(compiler, 'gcc libc6-dev');
  requireHeaders(compiler, '#include <stdio.h>\n#include <linux/types.h>\n', 'libc6-dev');
}

/**
 * Checks that the static programs can be compiled for a machine.
 * @param {{ docker: string, uname: string }} machine as Docker and uname(1) call it
 * @param {string} here this machine, as Docker calls it
 * @throws {BuildError} when make or the compiler is missing
 */
export function requireToolsFor({ docker, uname }, here) {
  if (docker === here) {
    requireNativeTools();
    return;
  }
  requireProgram('make', 'make');
  const packages = `gcc-${uname.replace('_', '-')}-linux-gnu libc6-dev-${docker}-cross`;
  const compiler = `${uname}-linux-gnu-gcc`;
  requireProgram(compiler, packages);
  // The musl that scripts/get-musl.sh unpacks has its own headers.
  if (!existsSync(join('build/musl', uname))) requireHeaders(compiler, '#include <stdio.h>\n', packages);
}

/** @param {string} packages the Debian packages that have the headers */
function requireHeaders(compiler, source, packages) {
  const { status } = spawnSync(compiler, ['-fsyntax-only', '-x', 'c', '-'], {
    input: source,
    encoding: 'utf8',
  });
  if (status !== 0) throw missing(`the C headers for ${compiler} are`, packages);
}

/** @param {string} packages the Debian packages that have the program */
function requireProgram(name, packages) {
  if (!isOnPath(name)) throw missing(`${name} is`, packages);
}

function missing(what, packages) {
  return new BuildError(`${what} not installed. On Debian or Ubuntu, run: apt-get install ${packages}`);
}

function isOnPath(name) {
  const files = name.includes('/')
    ? [name]
    : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name));
  return files.some((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
