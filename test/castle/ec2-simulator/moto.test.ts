import t from 'tap';
import { requires, root } from '../../kit/needs.ts';
import { loopDevices } from '../backends/loop/loop-host.ts';
import { differences } from './moto/differences.ts';
import { motoServer, startMoto } from './moto/moto.ts';
import { normalise } from './moto/normalise.ts';
import { followScript, type Outcome } from './moto/script.ts';
import { Simulator } from './simulator.ts';

if (requires(t, root, loopDevices, motoServer)) {
  t.test('the simulator answers like moto, except for the known differences', async (t) => {
    const simulator = await Simulator.start(t, 'i-0a');
    const { zone } = simulator.instance();
    const ours = await followScript({ client: simulator.client(), instance: 'i-0a', zone });
    const theirs = await followScript(await startMoto(t));
    t.same([...ours.keys()], [...theirs.keys()], 'the same steps');
    const met = new Set<number>();
    for (const [step, outcome] of ours) {
      const unknown = [];
      for (const found of differ(outcome, theirs.get(step) ?? {})) {
        const known = differences.findIndex(
          (one) => (one.step === undefined || one.step === step) && one.path.test(found.path),
        );
        if (known === -1) unknown.push(found);
        else met.add(known);
      }
      t.same(unknown, [], step);
    }
    t.same(
      differences.filter((_, index) => !met.has(index)).map(({ step, path }) => `${step}: ${path}`),
      [],
      'every known difference still exists',
    );
  });
}

/** The paths at which two outcomes differ; only `error` when exactly one of them is an error. */
function differ(ours: Outcome, theirs: Outcome) {
  const [a, b] = [normalise(ours), normalise(theirs)];
  const paths = a.has('error') === b.has('error') ? [...new Set([...a.keys(), ...b.keys()])] : ['error'];
  return paths
    .filter((path) => a.get(path) !== b.get(path))
    .map((path) => ({ path, ours: a.get(path), theirs: b.get(path) }));
}
