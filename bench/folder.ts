import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A temporary folder that is gone when the benchmark ends, by a signal too. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bailey-bench-'));
  // A program that is about to be killed may still write into it.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}
