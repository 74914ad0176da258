import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { temporaryFolder } from '../../kit/images.ts';
import { until } from '../../kit/until.ts';

/**
 * When a tool that the castle runs kills the castle: before its work; before its work, which it then does as an orphan; or
 * after its work. With `hold` it kills nothing, and waits for `letGo` before its work.
 */
export type Moment = 'before' | 'meanwhile' | 'after' | 'hold';

/** The programs that the castle runs for its volumes. */
const tools = ['fallocate', 'mkfs.ext4', 'e2fsck', 'cp', 'tune2fs', 'xfs_admin'];

/** A copy of the castle and of its tools, in which each tool can kill the castle. */
export class FatalTools {
  /** The castle to start. */
  readonly program: string;
  /** Its environment. */
  readonly env: NodeJS.ProcessEnv;
  readonly #order: string;

  constructor(t: Test) {
    const folder = temporaryFolder(t, 'tools');
    const [copy, path] = [join(folder, 'dist'), join(folder, 'bin')];
    this.#order = join(folder, 'order');
    cpSync('dist', copy, { recursive: true, verbatimSymlinks: true });
    mkdirSync(path);
    for (const tool of tools)
      this.#lay(join(path, tool), execFileSync('which', [tool], { encoding: 'utf8' }).trim());
    const mount = join(copy, 'castle-mount');
    renameSync(mount, `${mount}.real`);
    this.#lay(mount, `${mount}.real`);
    this.program = join(copy, 'castle.js');
    this.env = { ...process.env, PATH: `${path}:${process.env['PATH']}` };
  }

  /** The n-th call of a tool from now on kills the castle; n counts from 1. */
  order(tool: string, call: number, moment: Moment): void {
    writeFileSync(this.#order, `${tool} ${call} ${moment}\n`);
  }

  /** Waits until a tool waits. */
  async untilHeld(): Promise<void> {
    await until('a tool is held', () => existsSync(`${this.#order}.held`) || undefined);
  }

  /** Lets it go on. */
  letGo(): void {
    rmSync(`${this.#order}.held`, { force: true });
  }

  /** Takes an order back. @returns whether it was carried out */
  withdraw(): boolean {
    const left = readFileSync(this.#order, 'utf8');
    rmSync(this.#order);
    return left.startsWith('done');
  }

  /** Writes a script in place of a tool. The castle gives castle-mount no environment, so the script contains all it needs. */
  #lay(as: string, real: string): void {
    const name = as.slice(as.lastIndexOf('/') + 1);
    const script = `#!/bin/sh
castle=$PPID order=${this.#order}
read -r tool call moment 2>/dev/null <"$order" || exec ${real} "$@"
[ "$tool" = ${name} ] || exec ${real} "$@"
if [ "$call" -gt 1 ]; then
  echo "$tool $((call - 1)) $moment" >"$order"
  exec ${real} "$@"
fi
echo done >"$order"
case $moment in
  before) kill -KILL "$castle" ;;
  meanwhile) kill -KILL "$castle"; exec ${real} "$@" ;;
  hold) : >"$order.held"; while [ -e "$order.held" ]; do sleep 0.02; done; exec ${real} "$@" ;;
  after) ${real} "$@"; kill -KILL "$castle" ;;
esac
`;
    writeFileSync(as, script);
    chmodSync(as, 0o755);
  }
}
