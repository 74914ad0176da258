// Watches a process many times, lets it end, and ends itself just then, or lets a worker of its own do so:
//   node ends-with-watches.cjs ADDON main|worker WATCHES
const { spawn } = require('node:child_process');
const { Worker, isMainThread, workerData } = require('node:worker_threads');

function watchAndEnd(addon, watches) {
  const { pidfdOpen, pidfdWatch } = require(addon);
  const watched = spawn('sleep', ['60'], { stdio: 'ignore' });
  watched.unref();
  const pidfd = pidfdOpen(watched.pid);
  for (let n = 0; n < watches; n++) pidfdWatch(pidfd, () => undefined);
  watched.kill('SIGKILL');
}

const [addon, where, watches] = isMainThread ? process.argv.slice(2) : workerData;
if (isMainThread && where === 'worker') new Worker(__filename, { workerData: [addon, where, watches] });
else watchAndEnd(addon, Number(watches));
