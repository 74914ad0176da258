// A build without make, a compiler or headers ends with one line that names the Debian package to install.
import { spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';

/** Runs the build with only these programs in PATH. */
function build(
  t: Test,
  programs: readonly string[],
  args: readonly string[] = [],
  extra: Record<string, string> = {},
) {
  const folder = t.testdir({});
  for (const name of programs) symlinkSync(`/usr/bin/${name}`, join(folder, name));
  for (const [name, script] of Object.entries(extra))
    writeFileSync(join(folder, name), script, { mode: 0o755 });
  const { CC: _, ...environment } = process.env;
  return spawnSync(process.execPath, ['scripts/build.js', ...args], {
    encoding: 'utf8',
    env: { ...environment, PATH: folder },
  });
}

const [other, compiler] =
  process.arch === 'x64' ? ['arm64', 'aarch64-linux-gnu-gcc'] : ['amd64', 'x86_64-linux-gnu-gcc'];
const crossPackages = `gcc-${compiler.replace(/-gcc$/, '').replace('_', '-')} libc6-dev-${other}-cross`;
const failing = '#!/bin/sh\nexit 1\n';

for (const [name, programs, args, extra, what, packages] of [
  ['without make, the build names the package to install', [], [], {}, 'make is', 'make'],
  [
    'without a C compiler, the build names the packages to install',
    ['make'],
    [],
    {},
    'cc is',
    'gcc libc6-dev',
  ],
  [
    'without C headers, the build names the package to install',
    ['make'],
    [],
    { cc: failing },
    'the C headers for cc are',
    'libc6-dev',
  ],
  [
    'without make, a build for another machine names the package to install',
    [],
    ['--target', other],
    {},
    'make is',
    'make',
  ],
  [
    'without a cross compiler, the build names the packages to install',
    ['make', 'cc'],
    ['--target', other],
    {},
    `${compiler} is`,
    crossPackages,
  ],
] as const)
  t.test(name, async (t) => {
    const { status, stdout, stderr } = build(t, programs, args, extra);
    t.equal(status, 1);
    t.equal(stdout, '');
    t.equal(stderr, `build: ${what} not installed. On Debian or Ubuntu, run: apt-get install ${packages}\n`);
  });

t.test('a build for an unsupported machine is refused', async (t) => {
  const { status, stdout, stderr } = build(t, [], ['--target', 'riscv64']);
  t.same([status, stdout, stderr], [1, '', 'build: --target is amd64 or arm64, not riscv64\n']);
});
