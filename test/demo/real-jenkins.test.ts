import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { pidNamespace, program, requires } from '../kit/needs.ts';
import { DemoRun } from './demo-run.ts';

if (requires(t, pidNamespace, program('setpriv'), program('nsenter'), program('javac'))) {
  const folder = t.testdir();
  const war = join(folder, 'jenkins.war');
  execFileSync('javac', ['-d', folder, 'test/demo/fake-jenkins/War.java']);
  execFileSync('jar', ['--create', '--file', war, '--main-class', 'War', '-C', folder, 'War.class']);

  t.test('the demo runs JENKINS_WAR, whose orphans are reaped and whose data is kept', async (t) => {
    const demo = new DemoRun({ JENKINS_WAR: war });
    const { code, stdout, stderr } = await demo.run();
    t.equal(stderr, '');
    t.match(stdout, `container 1, without bailey-init: ${war}, on port `);
    t.match(stdout, `container 2, with bailey-init: ${war}, on port `);
    t.match(stdout, /ok {6}[1-9]\d* orphans were left behind/);
    t.match(stdout, 'no zombie was ever seen');
    t.match(stdout, /[1-9]\d* zombies fill the process table/);
    t.match(stdout, /it found the data of container 2: the same identity, [0-9a-f]{12}/);
    t.match(stdout, 'SIGTERM to PID 1: exit code 143');
    t.equal(code, 0);
    demo.expectNothingLeft(t);
  });

  t.test('lost data ends the demo with a message and exit code 1', async (t) => {
    const demo = new DemoRun({ JENKINS_WAR: war, JAVA_OPTS: '-Dforget=true' });
    const { code, stdout } = await demo.run();
    const fault =
      /container 3 did not find the data of container 2: a controller with the identity [0-9a-f]{12}/;
    t.match(stdout, new RegExp(`FAILED {2}${fault.source}`));
    t.match(stdout, new RegExp(`Some checks failed: ${fault.source}\\.`));
    t.equal(code, 1);
    demo.expectNothingLeft(t);
  });

  t.test(
    'a war that ends by itself ends the demo with its last lines, one message and exit code 1',
    async (t) => {
      const demo = new DemoRun({ JENKINS_WAR: war, JAVA_OPTS: '-Dfail=true' });
      const { code, stdout, stderr } = await demo.run();
      t.match(stdout, '  | this war is broken');
      t.equal(stderr, 'demo: waited until the controller is ready, but the container ended with 5\n');
      t.equal(code, 1);
      demo.expectNothingLeft(t);
    },
  );

  t.test('a relative path to a file that is not a war is an error with exit code 78', async (t) => {
    const demo = new DemoRun({ JENKINS_WAR: 'War.class' });
    const { code, stderr } = await demo.run(undefined, ['env', '-C', folder]);
    t.equal(
      stderr,
      `demo: JENKINS_WAR ${folder}/War.class is not an archive; set it to the path of a jenkins.war\n`,
    );
    t.equal(code, 78);
    demo.expectNothingLeft(t);
  });

  t.test('a missing war is an error with exit code 78', async (t) => {
    const demo = new DemoRun({ JENKINS_WAR: '/nowhere/jenkins.war' });
    const { code, stderr } = await demo.run();
    t.match(stderr, /^demo: JENKINS_WAR \/nowhere\/jenkins\.war is not a file; .+\n$/);
    t.equal(code, 78);
    demo.expectNothingLeft(t);
  });
}
