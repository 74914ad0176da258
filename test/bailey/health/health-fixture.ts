import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { Running } from '../../kit/namespace.ts';
import { until } from '../../kit/until.ts';
import { installBailey, temporaryFolder } from '../kit/bailey.ts';

/** The exit code of a command in the fixture, and its output on both streams. */
export interface Ended {
  readonly code: number;
  readonly text: string;
}

/** Compiles Jenkins.java to a jar that replaces jenkins.war and agent.jar, in a new folder. */
export function buildJenkins(t: Test): string {
  const folder = temporaryFolder(t);
  const classes = join(folder, 'classes');
  execFileSync('javac', ['-d', classes, resolve('test/bailey/health/Jenkins.java')]);
  for (const name of ['jenkins.war', 'agent.jar', 'odd-name.jar'])
    execFileSync('jar', [
      '--create',
      '--file',
      join(folder, name),
      '--main-class',
      'Jenkins',
      '-C',
      classes,
      '.',
    ]);
  installBailey(folder);
  return folder;
}

/**
 * A PID and network namespace with a shell as PID 1 that runs commands: like a container for the check, without other java
 * processes.
 */
export class HealthFixture {
  readonly #shell: Running;
  readonly #folder: string;

  private constructor(shell: Running, folder: string) {
    this.#shell = shell;
    this.#folder = folder;
  }

  /** @param folder what {@link buildJenkins} returned; it becomes the working directory */
  static async open(t: Test, folder: string): Promise<HealthFixture> {
    const { PATH } = process.env;
    const shell = new Running(['sh'], { env: { PATH }, unshare: ['--net'] });
    const fixture = new HealthFixture(shell, folder);
    t.teardown(() => shell.kill());
    await fixture.must(`cd ${folder} && busybox ip link set lo up`);
    return fixture;
  }

  /** Runs a shell command to its end. */
  async run(line: string): Promise<Ended> {
    this.#shell.write(`{ ${line}\n} 2>&1; printf '\\n%s\\n' "end $?"\n`);
    const lines: string[] = [];
    for (;;) {
      const next = await this.#shell.line();
      if (next === undefined) throw new Error(`${line}: the shell has ended: ${lines.join('\n')}`);
      const [, code] = /^end (\d+)$/.exec(next) ?? [];
      // The last line is the exit code, printed by the fixture.
      if (code !== undefined)
        return {
          code: Number(code),
          text: lines
            .slice(0, -1)
            .concat(lines.at(-1) || [])
            .join('\n'),
        };
      lines.push(next);
    }
  }

  /** @returns its output; throws when it fails */
  async must(line: string): Promise<string> {
    const { code, text } = await this.run(line);
    if (code !== 0) throw new Error(`${line}: exit code ${code}: ${text}`);
    return text;
  }

  /**
   * Starts a java in the background, and waits until it is ready.
   * @param words its arguments
   * @param as a command to start it with, for example setpriv(1)
   * @returns its process id in the fixture
   */
  async java(words: string, as = ''): Promise<number> {
    this.#started += 1;
    const log = join(this.#folder, `java-${this.#started}.log`);
    const pid = Number(
      await this.must(
        // Another fixture may have left the file. It is emptied here, because the background command would do that too late.
        `: >${log}; ${as} java -Xshare:auto -XX:TieredStopAtLevel=1 ${words} >>${log} 2>&1 & echo $!`,
      ),
    );
    await until(`java ${words} is ready`, async () =>
      /^ready$/m.test(await this.must(`cat ${log}`)) ? true : undefined,
    );
    return pid;
  }

  #started = 0;

  /** `bailey health` in the fixture. @param before variables, or a command that runs it */
  health(words = '', before = ''): Promise<Ended> {
    // Without tap's variables, which would load its hooks into the program under test.
    return this.run(`env -i PATH="$PATH" ${before} ${process.execPath} dist/bailey.js health ${words}`);
  }

  /** Repeats the check until it has the expected result. */
  untilHealth(wanted: RegExp, words = ''): Promise<Ended> {
    return until(`health prints ${wanted}`, async () => {
      const ended = await this.health(words);
      return wanted.test(ended.text) ? ended : undefined;
    });
  }
}
