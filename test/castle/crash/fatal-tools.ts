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
 * The moment at which a tool kills the castle that runs it: `before` its work; `meanwhile`: before its work, which it then
 * does as an orphan; `after` its work. With `hold` the tool kills nothing, and waits before its work until `letGo` is
 * called.
 */
export type Moment = 'before' | 'meanwhile' | 'after' | 'hold';

/** The programs that the castle runs for its volumes. */
const tools = ['fallocate', 'mkfs.ext4', 'e2fsck', 'cp', 'tune2fs', 'xfs_admin'];

/** A copy of the castle and of the tools that it runs, in which each tool can kill the castle. */
export class FatalTools {
  /** The path of the castle's program to start. */
  readonly program: string;
  /** The environment for that program. */
  readonly env: NodeJS.ProcessEnv;
  readonly #order: string;

  constructor(t: Test) {
    const folder = temporaryFolder(t, 'tools');
    const [copy, path] = [join(folder, 'dist'), join(folder, 'bin')];
    this.#order = join(folder, 'order');
    // Without the agent, which is by far the largest file of dist/.
    const filter = (path: string) => !path.endsWith('/bailey-agent');
    cpSync('dist', copy, { recursive: true, verbatimSymlinks: true, filter });
    mkdirSync(path);
    for (const tool of tools)
      this.#lay(join(path, tool), execFileSync('which', [tool], { encoding: 'utf8' }).trim());
    const mount = join(copy, 'castle-mount');
    renameSync(mount, `${mount}.real`);
    this.#lay(mount, `${mount}.real`);
    this.program = join(copy, 'castle.js');
    this.env = { ...process.env, PATH: `${path}:${process.env['PATH']}` };
  }

  /** Makes a tool kill the castle. @param call the number of the tool's call, counted from 1 and from now on */
  order(tool: string, call: number, moment: Moment): void {
    writeFileSync(this.#order, `${tool} ${call} ${moment}\n`);
  }

  /** Waits until a tool is held by the moment `hold`. */
  async untilHeld(): Promise<void> {
    await until('a tool is held', () => existsSync(`${this.#order}.held`) || undefined);
  }

  /** Lets the held tool continue. */
  letGo(): void {
    rmSync(`${this.#order}.held`, { force: true });
  }

  /** Cancels the order. @returns whether it was carried out */
  withdraw(): boolean {
    const left = readFileSync(this.#order, 'utf8');
    rmSync(this.#order);
    return left.startsWith('done');
  }

  /**
   * Replaces a tool by a script. The castle starts castle-mount without an environment, so the script contains all values.
   */
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
