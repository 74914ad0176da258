import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';

/** tap puts NODE_OPTIONS into every child, and what they load into the castle and the container: not here. */
export const demoCommand = [
  ...['env', '-u', 'NODE_OPTIONS'],
  ...[process.execPath, resolve('build/demo/main.js')],
] as const;

/**
 * The same from a copy that every user may read, wherever the repository lies.
 * @param folder where the copy is made
 */
export function copiedDemo(folder: string): readonly string[] {
  const packages = ['node_modules/pidusage', 'node_modules/safe-buffer'];
  for (const part of ['package.json', 'build/demo', 'dist', 'demo', ...packages])
    cpSync(part, join(folder, part), { recursive: true });
  return [...demoCommand.slice(0, -1), join(folder, 'build/demo/main.js')];
}

export interface Told {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A temporary folder for one demo. By its name everything that the demo makes can be known again; when the test is
 * over, nothing of it may be left: no process, no mount in any namespace, no file.
 */
export class Stage {
  // Short: a socket's path has at most 107 bytes.
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
   * @param onOutput called with all output until now; what it returns is sent as a signal, once
   */
  tell(
    onOutput: (stdout: string) => NodeJS.Signals | undefined = () => undefined,
    behind: readonly string[] = [],
    command: readonly string[] = demoCommand,
  ): Promise<Told> {
    const [file = '', ...args] = [...behind, ...command];
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

  /** The processes in whose file our folder's name stands. */
  #processesWith(file: 'cmdline' | 'mountinfo'): readonly string[] {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .filter((pid) => readUnlessGone(`/proc/${pid}/${file}`).includes(this.folder));
  }
}

function readUnlessGone(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // ended meanwhile, or a zombie without mounts
  }
}
