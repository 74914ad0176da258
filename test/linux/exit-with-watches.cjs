// Watches a process many times and kills it while Node, or one of its workers, ends:
//   node exit-with-watches.cjs ADDON main|exit|worker|terminated WATCHES
// main: the event loop runs empty; exit: process.exit(); worker: a worker's event loop runs empty; terminated: the main
// thread terminates the worker.
const { spawn } = require('node:child_process');
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');

function watchAndKill(addon, watches) {
  const { pidfdOpen, pidfdWatch } = require(addon);
  const watched = spawn('sleep', ['60'], { stdio: 'ignore' });
  watched.unref();
  const pidfd = pidfdOpen(watched.pid);
  for (let n = 0; n < watches; n++) pidfdWatch(pidfd, () => undefined);
  watched.kill('SIGKILL');
}

const [addon, ending, watches] = isMainThread ? process.argv.slice(2) : workerData;
if (isMainThread && ['worker', 'terminated'].includes(ending)) {
  const worker = new Worker(__filename, { workerData: [addon, ending, watches] });
  worker.once('message', () => worker.terminate());
} else {
  watchAndKill(addon, Number(watches));
  if (ending === 'exit') process.exit();
  if (ending === 'terminated') {
    parentPort.on('message', () => undefined); // keeps this worker running
    parentPort.postMessage('watching');
  }
}
