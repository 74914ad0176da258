import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';

/** Unsets NODE_OPTIONS, which tap sets and the demo would pass on to the castle and the containers. */
export const demoCommand = [
  ...['env', '-u', 'NODE_OPTIONS'],
  ...[process.execPath, resolve('build/demo/main.js')],
] as const;

/**
 * Copies the demo to a folder that every user may read.
 * @param folder for the copy
 */
export function copiedDemo(folder: string): readonly string[] {
  const packages = ['node_modules/pidusage', 'node_modules/safe-buffer'];
  for (const part of ['package.json', 'build/demo', 'dist', 'demo', ...packages])
    cpSync(part, join(folder, part), { recursive: true });
  return [...demoCommand.slice(0, -1), join(folder, 'build/demo/main.js')];
}

export interface DemoResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * One run of the demo, with a temporary folder, whose name is in everything that the demo creates. At the end of the
 * test no process, no mount in any namespace and no file may be left.
 */
export class DemoRun {
  // A short name, because the path of a socket has at most 107 bytes.
  readonly folder = mkdtempSync('/tmp/bd-');
  readonly env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv = {}) {
    this.env = {
      PATH: process.env['PATH'],
      JAVA_HOME: process.env['JAVA_HOME'],
      ...env,
      TMPDIR: this.folder,
    };
  }

  /**
   * Runs the demo without a terminal.
   * @param onOutput called with all output so far; the first signal that it returns is sent to the demo
   * @param wrapper a program and arguments that run the command
   */
  run(
    onOutput: (stdout: string) => NodeJS.Signals | undefined = () => undefined,
    wrapper: readonly string[] = [],
    command: readonly string[] = demoCommand,
  ): Promise<DemoResult> {
    const [file = '', ...args] = [...wrapper, ...command];
    const demo = spawn(file, args, { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr, sent] = ['', '', false];
    demo.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk;
      const signal = sent ? undefined : onOutput(stdout);
      if (signal === undefined) return;
      sent = true;
      demo.kill(signal);
    });
    demo.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk;
    });
    return new Promise((resolve, reject) => {
      demo.once('error', reject);
      demo.once('close', (code) => resolve({ code, stdout, stderr }));
    });
  }

  /** Checks that nothing is left, and removes the folder. */
  expectNothingLeft(t: Test): void {
    t.same(this.#processesWith('cmdline'), [], 'no process is left');
    t.same(this.#processesWith('mountinfo'), [], 'no mount is left, in no mount namespace');
    t.same(readdirSync(this.folder), [], 'no file is left');
    rmdirSync(this.folder);
  }

  /** The processes whose file contains the name of the folder. */
  #processesWith(file: 'cmdline' | 'mountinfo'): readonly string[] {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .filter((pid) => readUnlessEnded(`/proc/${pid}/${file}`).includes(this.folder));
  }
}

function readUnlessEnded(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the process has ended, or is a zombie without mounts
  }
}
