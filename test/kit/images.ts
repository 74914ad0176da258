/**
 * Creates images without a registry: copies files of this machine to a folder, which the engine imports.
 */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Test } from 'tap';
import { docker, output, run } from './docker.ts';

/** The user that the official image runs as. */
export const jenkinsUser = 1000;

/** Creates an empty folder; the test's teardown removes it. */
export function temporaryFolder(t: Test, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `bailey-${name}-`));
  // A process that is about to end may still write into the folder.
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }));
  return folder;
}

/**
 * Imports a folder as an image; the test's teardown removes it.
 * @param changes Dockerfile instructions such as `ENTRYPOINT ["/init"]`
 * @returns a reference that no other test uses
 */
export async function importImage(t: Test, root: string, changes: readonly string[] = []): Promise<string> {
  imported += 1;
  const reference = `bailey-test/${process.pid}-${imported}:latest`;
  const archive = join(temporaryFolder(t, 'image'), 'root.tar');
  await output('tar', '--create', '--file', archive, '--directory', root, '.');
  await docker('import', ...changes.flatMap((change) => ['--change', change]), archive, reference);
  rmSync(archive);
  t.teardown(() => run('docker', ['image', 'rm', '--force', reference]));
  return reference;
}

let imported = 0;

/** Copies a file to another path below the root, executable for all users. */
export function addProgram(root: string, file: string, as: string): void {
  const target = join(root, as);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(file, target);
  chmodSync(target, 0o755);
}

/** Adds busybox with links for all its programs, a /tmp, and the users root and jenkins. */
export async function addBusybox(root: string): Promise<void> {
  addProgram(root, await output('sh', '-c', 'command -v busybox'), 'bin/busybox');
  for (const name of (await output('busybox', '--list')).split('\n')) {
    if (name !== 'busybox') symlinkSync('busybox', join(root, 'bin', name));
  }
  for (const folder of ['etc', 'tmp', 'usr/bin']) mkdirSync(join(root, folder), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  symlinkSync('/bin/busybox', join(root, 'usr/bin/env'));
  const home = '/var/jenkins_home';
  writeFileSync(
    join(root, 'etc/passwd'),
    `root:x:0:0:root:/:/bin/sh\njenkins:x:${jenkinsUser}:${jenkinsUser}:jenkins:${home}:/bin/sh\n`,
  );
  writeFileSync(join(root, 'etc/group'), `root:x:0:\njenkins:x:${jenkinsUser}:\n`);
}

/** Copies the shared libraries that the files need, each to the path it has on this machine. */
export async function addLibraries(root: string, files: readonly string[]): Promise<void> {
  const own = new Set(files.map((file) => realpathSync(file)));
  // ldd's lines: `name => /path (0x…)` is a library, `/path (0x…)` the loader.
  const listed = (await run('ldd', [...files])).stdout;
  for (const [, path = ''] of listed.matchAll(/^\t(?:\S+ => )?(\/\S+) \(0x/gm)) {
    const file = realpathSync(path);
    if (!own.has(file) && !existsSync(join(root, path))) addProgram(root, file, path);
  }
}

/** Adds the Node that runs this test, with its libraries. */
export async function addNode(root: string): Promise<void> {
  addProgram(root, process.execPath, 'usr/local/bin/node');
  await addLibraries(root, [process.execPath]);
}

/** Adds the output of `npm run build` at the paths of Dockerfile.example. */
export function addBailey(root: string): void {
  // Without bailey-agent, which is large and which Dockerfile.example does not build.
  const filter = (file: string) => basename(file) !== 'bailey-agent';
  cpSync('dist', join(root, 'opt/bailey'), { recursive: true, filter });
  mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
  symlinkSync('/opt/bailey/bailey-init', join(root, 'usr/local/bin/bailey-init'));
  symlinkSync('/opt/bailey/bailey', join(root, 'usr/local/bin/bailey'));
}

/** The path of java in the official image. */
const javaHome = '/opt/java/openjdk';

/** Adds a java as in the official image, with its libraries. */
export async function addJava(root: string): Promise<void> {
  const runtime = await javaRuntime();
  cpSync(runtime, join(root, javaHome), { recursive: true });
  const libraries = readdirSync(runtime, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.so') || file === 'bin/java')
    .map((file) => join(runtime, file));
  await addLibraries(root, libraries);
}

/** Adds a folder of the user jenkins. */
function addHome(root: string, path: string): void {
  const home = join(root, path);
  mkdirSync(home, { recursive: true });
  chownSync(home, jenkinsUser, jenkinsUser);
}

/**
 * Adds what the official image has besides an operating system: java, the war, the reference folder and JENKINS_HOME of the user
 * jenkins.
 * @param war the source of the program in place of Jenkins
 */
export async function addJenkins(t: Test, root: string, war = controllerSource): Promise<void> {
  await addJava(root);
  addHome(root, 'var/jenkins_home');
  mkdirSync(join(root, 'usr/share/jenkins/ref'), { recursive: true });
  writeFileSync(join(root, 'usr/share/jenkins/ref/from-the-image.txt'), 'laid down by the image\n');
  await compileJar(t, war, join(root, 'usr/share/jenkins/jenkins.war'));
}

/**
 * Adds what the official agent image has besides an operating system: java, agent.jar and the folders of the user jenkins. The
 * jar is test/engine/Agent.java.
 */
export async function addAgent(t: Test, root: string): Promise<void> {
  await addJava(root);
  for (const folder of ['home/jenkins', 'home/jenkins/agent', 'home/jenkins/.jenkins']) addHome(root, folder);
  mkdirSync(join(root, 'usr/share/jenkins'), { recursive: true });
  await compileJar(t, 'test/engine/Agent.java', join(root, 'usr/share/jenkins/agent.jar'));
}

/** The Dockerfile instructions of the official image that affect the start of a container. */
export const jenkinsImage: readonly string[] = [
  `ENV JAVA_HOME=${javaHome}`,
  `ENV PATH=${javaHome}/bin:/usr/local/bin:/bin`,
  'ENV JENKINS_HOME=/var/jenkins_home',
  'ENV REF=/usr/share/jenkins/ref',
  'ENV COPY_REFERENCE_FILE_LOG=/var/jenkins_home/copy_reference_file.log',
  'ENV JENKINS_SLAVE_AGENT_PORT=50000',
  'VOLUME /var/jenkins_home',
  'USER jenkins',
];

/** The Dockerfile instructions of the official agent image. */
export const agentImage: readonly string[] = [
  `ENV JAVA_HOME=${javaHome}`,
  `ENV PATH=${javaHome}/bin:/usr/local/bin:/bin`,
  'ENV AGENT_WORKDIR=/home/jenkins/agent',
  'VOLUME /home/jenkins/.jenkins /home/jenkins/agent',
  'WORKDIR /home/jenkins',
  'USER jenkins',
];

/** An image like the official agent image, with Node and Bailey. */
export async function baileyAgentImage(t: Test): Promise<string> {
  const root = temporaryFolder(t, 'agent-root');
  await addBusybox(root);
  await addNode(root);
  addBailey(root);
  await addAgent(t, root);
  return importImage(t, root, [
    ...agentImage,
    'ENTRYPOINT ["bailey-init","--forget","JENKINS_SECRET,-secret","--","bailey","agent"]',
  ]);
}

/**
 * An image like the official controller image, with Node and Bailey.
 * @param war as {@link addJenkins} takes it
 */
export async function baileyImage(t: Test, war?: string): Promise<string> {
  const root = temporaryFolder(t, 'root');
  await addBusybox(root);
  await addNode(root);
  addBailey(root);
  await addJenkins(t, root, war);
  return importImage(t, root, [...jenkinsImage, 'ENTRYPOINT ["bailey-init","--","bailey","jenkins"]']);
}

/** A java from this machine's JDK, reduced to the module java.base; created once and kept below build/. */
async function javaRuntime(): Promise<string> {
  const version = (await output('jlink', '--version')).trim();
  return madeOnce(`build/images/java-${version}`, (folder) =>
    output('jlink', '--add-modules', 'java.base', '--no-header-files', '--no-man-pages', '--output', folder),
  );
}

/**
 * Creates a folder that is slow to create, and keeps it for later tests. Two tests that create it at the same time do no harm:
 * each creates its own, and one of them is kept.
 * @param make creates and fills the folder
 */
export async function madeOnce(folder: string, make: (folder: string) => Promise<unknown>): Promise<string> {
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(dirname(folder), { recursive: true });
  rmSync(unfinished, { recursive: true, force: true });
  await make(unfinished);
  try {
    renameSync(unfinished, folder);
  } catch (thrown) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw thrown;
  }
  return folder;
}

/** Adds a small program in place of jenkins.war or agent.jar. */
export const controllerSource = 'test/engine/Controller.java';

/**
 * Compiles a program to a jar that `java -jar` runs.
 * @param source its class has the file's name
 */
export async function compileJar(t: Test, source: string, jar: string): Promise<void> {
  const classes = temporaryFolder(t, 'classes');
  await output('javac', '-d', classes, source);
  await output(
    'jar',
    '--create',
    '--file',
    jar,
    '--main-class',
    basename(source, '.java'),
    '-C',
    classes,
    '.',
  );
}
