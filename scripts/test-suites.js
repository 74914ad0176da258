// The test suites: their files, the command that runs them, and why `npm test` leaves some out.

/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {string[]} files below test/, without `.test.ts`: a file, a folder with everything in it, or a name with `*`.
 *   A file belongs to the first suite that names it; a suite with `again` runs files of other suites once more.
 * @property {boolean} [again]
 * @property {boolean} [everyday] `npm test` runs it; `npm run test:all` runs the others
 * @property {string} [why] why `npm test` leaves it out
 * @property {boolean} [alone] nothing else runs meanwhile
 * @property {number} [node] the major release of Node that runs it
 * @property {'emulated' | 'sanitized'} [init] the build of bailey-init that is tested (scripts/test-init.sh)
 * @property {string[]} [command] a program that prints TAP, in place of files
 */

/** Tests of parts that could differ between releases of Node: the addon, exec, descriptors, HTTP, TLS and workers. */
const nodeBoundary = [
  ...['entry', 'jar', 'secret'].map((name) => `bailey/agent/${name}`),
  'bailey/castle-client/castle-over-tls',
  ...['reference', 'signals', 'usage'].map((name) => `bailey/controller/${name}`),
  'bailey/health/controller',
  ...['reap-orphans', 'zombies'].map((name) => `bailey/processes/${name}`),
  'linux/exec',
  ...['api/socket', 'daemon/state', 'identity/caller', 'leases/leases'].map((name) => `castle/${name}`),
];

/**
 * Everything except tests that need an engine or run the demo, and tests that are independent of the Node release: PID 1, the
 * EC2 simulator, and the castle's work with the kernel and other programs.
 */
const nodeCore = [
  // The longest first.
  'castle/daemon/restart',
  ...['bailey', 'linux', 'bench', 'castle/events'],
  ...['api/socket', 'api/tls', 'daemon/config-file', 'daemon/state'].map((name) => `castle/${name}`),
  ...['identity/caller', 'identity/tokens', 'leases/leases', 'leases/wait-queue'].map(
    (name) => `castle/${name}`,
  ),
  'castle/volumes/volumes',
];

/**
 * In the order of their start. The longest are first, so that no CPU is idle while the last one runs.
 * @type {Suite[]}
 */
export const suites = [
  {
    name: 'crash',
    files: ['castle/crash', 'castle/*-kill'],
    why: 'it kills the castle more than a thousand times',
  },
  {
    name: 'nfs machine',
    files: [],
    command: ['scripts/test-nfs.sh'],
    why: 'it boots an emulated machine',
  },
  {
    name: 'hundred containers',
    files: ['engine/hundred-containers'],
    why: 'it takes long, and needs a container engine',
  },
  {
    // After all suites with the usual engine: an engine that has found the driver keeps requesting it, which slows it down.
    name: 'volume driver',
    files: ['engine/volume-driver.machine'],
    alone: true,
    why: 'it starts container engines',
  },
  {
    name: 'engine',
    files: ['engine/dockerfile', 'engine/end-to-end', 'engine'],
    why: 'it needs a container engine, and podman',
  },
  {
    name: 'castle, long',
    files: [
      ...[
        'backends/ebs',
        'backends/loop/loop-trash',
        'daemon/config-file',
        'daemon/restart',
        'docker-plugin/volume-driver',
        'ec2-simulator',
        'housekeeping/gc',
        'identity/tokens',
        'leases/shared',
        'snapshots/off-host',
        'snapshots/snapshots',
        'snapshots/snapshots-local',
      ].map((name) => `castle/${name}`),
    ],
    why: 'its files take the longest',
  },
  {
    name: 'demo, long',
    files: ['demo/demo', 'demo/interrupted', 'demo/real-jenkins'],
    why: 'it runs the whole demo several times',
  },
  { name: 'castle', files: ['castle'], everyday: true },
  { name: 'bailey', files: ['bailey', 'linux'], everyday: true },
  { name: 'init', files: ['init'], everyday: true },
  { name: 'demo, bench and docs', files: ['demo', 'bench', 'docs'], everyday: true },
  {
    name: 'init with sanitizers',
    files: [
      'command-line',
      'dialects',
      'exit-codes',
      'options',
      'signals',
      'unusual-environments',
      'zombies',
    ].map((name) => `init/${name}`),
    again: true,
    init: 'sanitized',
    why: 'it needs clang',
  },
  {
    name: 'init for aarch64',
    files: ['command-line', 'exit-codes', 'signals', 'unusual-environments', 'zombies'].map(
      (name) => `init/${name}`,
    ),
    again: true,
    init: 'emulated',
    why: 'it needs qemu-user and a cross compiler',
  },
  ...[22, 24, 26].map((node) => ({
    name: `node ${node}`,
    files: node === 26 ? nodeCore : nodeBoundary,
    again: true,
    node,
    why: 'it fetches another release of Node',
  })),
];
