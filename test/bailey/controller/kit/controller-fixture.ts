import type { ChildProcess } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import { type Ended, ended, installBailey, start, temporaryFolder } from '../../kit/bailey.ts';

/** A reference folder and a JENKINS_HOME, and a `bailey` that copies the reference files. */
export class ControllerFixture {
  /** Contains both. */
  readonly folder: string;
  readonly ref: string;
  readonly home: string;
  readonly #bailey: string;

  constructor(t: Test) {
    const folder = temporaryFolder(t);
    this.folder = folder;
    this.#bailey = installBailey(folder);
    this.ref = join(folder, 'ref');
    this.home = join(folder, 'home');
    mkdirSync(this.ref);
    mkdirSync(this.home);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  async copy(env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return ended(this.startCopying(env));
  }

  /** @param below command and arguments to which the command line of bailey is appended */
  startCopying(env: NodeJS.ProcessEnv = {}, uid?: number, below: readonly string[] = []): ChildProcess {
    return this.startProgram(['true'], env, uid, below);
  }

  /** @param program the program to run after the home is filled, with its arguments */
  startProgram(
    program: readonly string[],
    env: NodeJS.ProcessEnv = {},
    uid?: number,
    below: readonly string[] = [],
  ): ChildProcess {
    return start(this.#bailey, {
      args: ['jenkins', ...program],
      env: { PATH: process.env['PATH'], JENKINS_HOME: this.home, REF: this.ref, ...env },
      below,
      ...(uid === undefined ? {} : { uid }),
    });
  }

  text(name: string): string | undefined {
    const path = join(this.home, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }

  /** The log lines of the last start, sorted. */
  log(): string[] {
    const lines = this.text('copy_reference_file.log')?.trimEnd().split('\n') ?? [];
    return lines.slice(lines.findLastIndex((line) => line.startsWith('--- Copying files at ')) + 1).sort();
  }

  files(): string[] {
    return (readdirSync(this.home, { recursive: true, encoding: 'utf8' }) as string[])
      .filter((name) => !lstatSync(join(this.home, name)).isDirectory())
      .sort();
  }
}
