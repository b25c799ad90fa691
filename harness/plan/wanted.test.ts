import { join } from 'node:path';
import t from 'tap';
import { loadProject } from '../load/project.ts';
import { Walk } from '../model/walk.ts';
import { PACKED } from '../../vm/guest/modules.ts';
import { modulesFor } from '../run/modules.ts';
import { createPlanner, variantInfos } from './planner.ts';
import { planVariant } from './target.ts';

const project = loadProject(join(import.meta.dirname, '..', '..'));
const cases = project.suites.flatMap((suite) => suite.cases);
const names = project.behaviours.list.map(({ name }) => name);

/** Every behaviour that planning a variant, or the model of its sends, asks for on a kernel with all behaviours or with none. */
function asked(one: (typeof cases)[number]): Set<string> {
  const { topologies, behaviours } = project;
  const turned = new Set<string>();
  for (const state of [true, false])
    for (const variant of one.variants) {
      const { planned } = planVariant(one, variant, { topologies, behaviours, has: () => state });
      for (const name of planned.behaviours) turned.add(name);
      const walk = new Walk(planned.program, Object.fromEntries(names.map((name) => [name, state])));
      for (const action of planned.program.actions) walk.step(action, { ok: true, sent: 1 });
      for (const name of walk.behaviours) turned.add(name);
    }
  return turned;
}

t.test('whatever a case alone or its model can ask of a kernel is probed', (t) => {
  for (const one of cases) {
    const planner = createPlanner(project, one.variants);
    const probed = new Set(planner.probes.map(({ behaviour }) => behaviour));
    const missing = [...asked(one)].filter((name) => !probed.has(name));
    if (missing.length > 0) t.fail(`${one.id} asks for ${missing.join(', ')}`);
    const needs = planner.probes.flatMap((probe) => probe.needs);
    if (!needs.every((need) => need === 'lo' || planner.needs.includes(need)))
      t.fail(`${one.id}: the survey leaves out what its probes need`);
  }
  t.ok(cases.length > 300, `${cases.length} cases`);
  t.end();
});

t.test('a guest has every module that the suites can call for: it sees none of this machine', (t) => {
  const { needs } = createPlanner(project, variantInfos(project));
  const modules = modulesFor(needs);
  t.strictSame(
    modules.filter((name) => !PACKED.includes(name)),
    [],
  );
  t.ok(modules.includes('veth'));
  t.end();
});

t.test('a case on lo alone makes nobody load a module for another device', (t) => {
  const chosen = variantInfos(project).filter(({ id }) => id.startsWith('udp-gso/limits/'));
  const planner = createPlanner(project, chosen);
  t.same(planner.needs, []);
  t.ok(planner.probes.length > 0);
  t.ok(planner.probes.length < createPlanner(project, chosen, 'all').probes.length);
  t.end();
});

t.test('all behaviours are asked for where that is wanted', (t) => {
  t.equal(createPlanner(project, [], 'all').probes.length, names.length);
  t.end();
});
