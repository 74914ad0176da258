import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { pidNamespace, program, requires } from '../kit/needs.ts';
import { Stage } from './stage.ts';

if (requires(t, pidNamespace, program('setpriv'), program('nsenter'), program('javac'))) {
  const folder = t.testdir();
  const war = join(folder, 'jenkins.war');
  execFileSync('javac', ['-d', folder, 'test/demo/war/War.java']);
  execFileSync('jar', ['--create', '--file', war, '--main-class', 'War', '-C', folder, 'War.class']);

  t.test('JENKINS_WAR is run, with orphans beside it, and its data is found again', async (t) => {
    const stage = new Stage({ JENKINS_WAR: war });
    const { code, stdout, stderr } = await stage.tell();
    t.equal(stderr, '');
    t.match(stdout, `container 1: ${war}, on port `);
    t.match(stdout, /ok {6}[1-9]\d* orphans were left behind/);
    t.match(stdout, 'no zombie was ever seen');
    t.match(stdout, /it has found the data of container 1: The same identity, [0-9a-f]{12}/);
    t.match(stdout, 'SIGTERM to PID 1: exit code 143');
    t.equal(code, 0);
    stage.expectNothingLeft(t);
  });

  t.test('data that is not found again is said, and 1', async (t) => {
    const stage = new Stage({ JENKINS_WAR: war, JAVA_OPTS: '-Dforget=true' });
    const { code, stdout } = await stage.tell();
    const fault =
      /container 2 did not find what container 1 left, a controller with the identity [0-9a-f]{12}/;
    t.match(stdout, new RegExp(`FAILED {2}${fault.source}`));
    t.match(stdout, new RegExp(`Not all of it came true: ${fault.source}\\.`));
    t.equal(code, 1);
    stage.expectNothingLeft(t);
  });

  t.test('a war that ends by itself: its last lines, one sentence, 1', async (t) => {
    const stage = new Stage({ JENKINS_WAR: war, JAVA_OPTS: '-Dfail=true' });
    const { code, stdout, stderr } = await stage.tell();
    t.match(stdout, '  | this war is broken');
    t.equal(stderr, 'demo: waited until the controller is ready, but the container ended with 5\n');
    t.equal(code, 1);
    stage.expectNothingLeft(t);
  });

  t.test('what is no war, named by the folder that we are in: 78', async (t) => {
    const stage = new Stage({ JENKINS_WAR: 'War.class' });
    const { code, stderr } = await stage.tell(undefined, ['env', '-C', folder]);
    t.equal(
      stderr,
      `demo: JENKINS_WAR ${folder}/War.class is not an archive; set it to the path of a jenkins.war\n`,
    );
    t.equal(code, 78);
    stage.expectNothingLeft(t);
  });

  t.test('no such war: 78', async (t) => {
    const stage = new Stage({ JENKINS_WAR: '/nowhere/jenkins.war' });
    const { code, stderr } = await stage.tell();
    t.match(stderr, /^demo: JENKINS_WAR \/nowhere\/jenkins\.war is not a file; .+\n$/);
    t.equal(code, 78);
    stage.expectNothingLeft(t);
  });
}
