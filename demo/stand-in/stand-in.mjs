// A replacement for jenkins.war where there is no JDK; StandIn.java describes it.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const home = process.env.JENKINS_HOME;
const nextBuildNumber = join(home, 'nextBuildNumber');
const orphanCount = join(home, 'orphans');
const steps =
  'for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.3 >/dev/null 2>&1 &); echo step $i; sleep 0.04; done';
let orphans = 0;

/** Replaces a file atomically: readers see the old text or the new text. */
function replace(file, text) {
  writeFileSync(`${file}.new`, `${text}\n`);
  renameSync(`${file}.new`, file);
}

/** Runs one build and starts the next when it has ended. */
function run(number) {
  mkdirSync(join(home, 'builds', String(number)), { recursive: true });
  const log = join(home, 'builds', String(number), 'log');
  const end = (result) => appendFileSync(log, `Finished: ${result}\n`);
  writeFileSync(log, `Started build ${number}\n`);
  replace(nextBuildNumber, number + 1);

  const stop = () => {
    end('ABORTED');
    console.log('Stopped; all builds are written');
    process.exit(143);
  };
  process.once('SIGTERM', stop);
  const shell = spawn('sh', ['-c', steps], { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: shell.stdout }).on('line', (line) => {
    appendFileSync(log, `${line}\n`);
    orphans += 1;
    replace(orphanCount, orphans);
  });
  shell.once('close', (status) => {
    end(status === 0 ? 'SUCCESS' : 'FAILURE');
    run(number + 1);
    // The listener is removed only now. Without one, a signal between two builds would end this process without the message.
    process.off('SIGTERM', stop);
  });
}

const number = existsSync(nextBuildNumber) ? Number(readFileSync(nextBuildNumber, 'utf8')) : 1;
replace(orphanCount, 0); // before the line is printed, so that a reader of the line reads the count of this container
console.log(
  number === 1
    ? 'JENKINS_HOME is empty: this is its first start'
    : `Found ${number - 1} builds in JENKINS_HOME, the next one is ${number}`,
);
run(number);
