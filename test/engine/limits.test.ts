/** Java in containers with limits: its heap can be used fully, and the end of a java that exceeds a limit is reported. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { knownController } from '../bailey/kit/bailey.ts';
import { docker, ended, printed, type Ran, runToEnd, start, untilPrinted } from '../kit/docker.ts';
import { baileyImage, temporaryFolder } from '../kit/images.ts';
import { engine, program, requires, root } from '../kit/needs.ts';

t.setTimeout(0);
const home = '/var/jenkins_home';
const folder = `${home}/logs/java`;
const mebibyte = 2 ** 20;

/** Without swap, so that the kernel kills a process as soon as the limit is reached. */
const limited = (size: string): string[] => ['--memory', size, '--memory-swap', size];

/** The number after a word that Memory.java prints. */
const number = ({ stdout }: Ran, word: string): number =>
  Number(new RegExp(`^${word}: (\\d+)$`, 'm').exec(stdout)?.[1]);

if (requires(t, root, engine, program('javac'), program('jlink'), program('busybox'), program('tar'))) {
  const image = await baileyImage(t, 'test/bailey/jvm/Memory.java');
  for (const [size, heap] of [
    ['256m', 102],
    ['512m', 204],
    ['1g', 512],
    ['2g', 1228],
    ['4g', 2457],
  ] as const) {
    t.test(`${size}: java has the heap that bailey computed, and can fill it`, async (t) => {
      // Filling gigabytes would take long and test nothing else.
      const fill = heap > 512 ? [] : ['--fill'];
      const ran = await runToEnd(image, limited(size), fill);
      t.equal(ran.code, 0, ran.stderr);
      const heapText = heap < 1024 ? `${heap} MiB` : `${(heap / 1024).toFixed(1)} GiB`;
      t.match(ran.stderr, new RegExp(`^bailey: memory limit \\S+ [MG]iB: heap ${heapText}, `, 'm'));
      t.match(ran.stdout, ` -Xmx${heap}m `);
      hasHeap(t, ran, heap);
      if (fill.length > 0) t.match(ran.stdout, /^filled$/m);
    });
  }

  t.test('without a limit nothing is printed and no option is added', async (t) => {
    const ran = await runToEnd(image, [], []);
    t.equal(ran.stderr, '');
    t.match(ran.stdout, /^arguments: java -Duser.home=\S+ -Djenkins\S+ -Dhudson.lifecycle=\S+ -jar /m);
  });

  t.test('the JVM of an agent has the computed heap', async (t) => {
    const options = [...limited('1g'), '--entrypoint', 'bailey-init'];
    const env = [
      ...Object.entries(knownController).map(([name, value]) => `${name}=${value}`),
      'JENKINS_AGENT_FILE=/usr/share/jenkins/jenkins.war',
      `JENKINS_AGENT_WORKDIR=${home}/agent`,
    ];
    const ran = await runToEnd(
      image,
      [...options, ...env.flatMap((setting) => ['--env', setting])],
      ['--', 'bailey', 'agent', '--fill'],
    );
    t.equal(ran.code, 0, ran.stderr);
    t.match(
      ran.stderr,
      /^bailey: memory limit 1\.0 GiB: heap 256 MiB, 160 MiB for the rest of java, 608 MiB for builds$/m,
    );
    hasHeap(t, ran, 256);
    t.match(ran.stdout, `-XX:HeapDumpPath=${home}/agent/logs/java/heap.hprof`);
  });

  t.test('docker exec CONTAINER bailey jvm reports the limits and options of the container', async (t) => {
    const container = await start(t, image, [...limited('512m'), '--cpus', '0.5'], ['--wait']);
    await untilPrinted(container, /^user: jenkins$/);
    const text = await docker('exec', container.id, 'bailey', 'jvm');
    t.match(text, /^memory limit {5}512 MiB, \/sys\/fs\/cgroup\/memory\S*$/m);
    t.match(text, /^CPU quota {8}0\.5, \/sys\/fs\/cgroup\/cpu\S*$/m);
    t.notMatch(text, /ActiveProcessorCount/, 'the JVM detects this quota itself');
    t.match(await printed(container), /^processors: 1$/m);
  });

  t.test('when the kernel kills a build for lack of memory, Jenkins survives', async (t) => {
    const ran = await runToEnd(image, limited('512m'), ['--build']);
    t.match(ran.stdout, /^build ended with 137\nstill here$/m);
    t.equal(ran.code, 0, ran.stderr);
    t.notMatch(ran.stderr, /bailey-init/, 'no epitaph for a build');
  });

  t.test(
    'when the kernel kills the JVM for lack of memory, the exit code is 137 and the reason is printed',
    async (t) => {
      const options = '-Xms400m -Xmx400m -XX:+AlwaysPreTouch';
      const ran = await runToEnd(image, [...limited('256m'), '--env', `JAVA_OPTS=${options}`], []);
      t.equal(ran.code, 137);
      t.match(
        ran.stderr,
        /^bailey: warning: heap 400 MiB \(-Xmx400m in JAVA_OPTS\) is 156 % of the memory limit 256 MiB: /m,
      );
      t.match(
        ran.stderr,
        /^bailey-init: 'bailey' \(process \d+\) was ended by SIGKILL, by the out-of-memory killer: limit 256 MiB, peak 256 MiB$/m,
      );
    },
  );

  t.test(
    'an OutOfMemoryError ends java with exit code 3, and only the first one leaves a heap dump',
    async (t) => {
      const container = await start(t, image, limited('256m'), ['--leak']);
      t.equal(await ended(container), 3, await printed(container));
      const dumped = await sizeOfDump(t, container.id);
      t.ok(dumped > 50 * mebibyte, `${dumped} bytes`);
      await docker('start', container.id);
      t.equal(await ended(container), 3);
      t.equal(await sizeOfDump(t, container.id), dumped, 'the first heap dump is kept');
      t.match(await printed(container), `bailey: ${folder}/heap.hprof is from an earlier start: `);
    },
  );

  t.test('a crash of the JVM leaves an error file in the folder for dumps', async (t) => {
    const container = await start(t, image, [...limited('512m'), '--ulimit', 'core=0'], ['--wait']);
    await untilPrinted(container, /^user: jenkins$/);
    await docker('exec', container.id, 'sh', '-c', 'kill -SEGV $(pidof java)');
    t.equal(await ended(container), 134);
    t.match(await printed(container), new RegExp(`${folder}/hs_err_pid\\d+\\.log`));
  });

  t.test('java starts with a read-only root and without capabilities', async (t) => {
    const options = ['--read-only', '--cap-drop', 'ALL', '--user', '1000:1000', ...limited('512m')];
    const ran = await runToEnd(image, options, ['--fill']);
    t.equal(ran.code, 0, ran.stderr);
    t.match(ran.stdout, /^user: jenkins\nfilled$/m);
    t.match(ran.stdout, `-XX:HeapDumpPath=${folder}/heap.hprof`);
  });

  t.test('a uid without a passwd entry gives a warning', async (t) => {
    const ran = await runToEnd(
      image,
      [...limited('512m'), '--user', '4321:1000', '--tmpfs', `${home}:uid=4321`],
      [],
    );
    t.equal(ran.code, 0, ran.stderr);
    t.match(
      ran.stderr,
      /^bailey: warning: uid 4321 has no entry in \/etc\/passwd, .*'jenkins4321:x:4321:1000::\/var\/jenkins_home:/m,
    );
    t.match(ran.stdout, /^user: \?$/m);
  });
}

/** Asserts the heap that java reports: G1 rounds to whole regions, the serial collector omits a survivor space. */
function hasHeap(t: Test, ran: Ran, heap: number): void {
  const max = number(ran, 'heap') / mebibyte;
  t.ok(max > heap * 0.96 && max < heap + 4, `${max} MiB of heap`);
}

async function sizeOfDump(t: Test, id: string): Promise<number> {
  const copy = join(temporaryFolder(t, 'dump'), 'heap.hprof');
  await docker('cp', `${id}:${folder}/heap.hprof`, copy);
  return statSync(copy).size;
}
