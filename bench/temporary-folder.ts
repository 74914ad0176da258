import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @returns a temporary folder, which is removed when the benchmark ends, also by a signal */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bailey-bench-'));
  // Retries, because a program that is being killed may still write into it.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}
