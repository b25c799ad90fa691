import { join } from 'node:path';
import t from 'tap';
import type { PlannedCase } from '../contract/expectation.ts';
import { loadProject } from '../load/project.ts';
import { formatProblem } from '../load/problem.ts';
import { projectOf, suiteText } from '../load/testing.ts';
import { Plans } from './plans.ts';
import { planTarget, planVariant } from './target.ts';
import { stated } from './version.ts';

const CASE =
  '  c: { rule: r, axes: { family: [ipv4] }, send: { bytes: 9 }, ' +
  'expect: [{ when: max-128-segments, error: EIO }, { otherwise: true, datagrams: [9] }] }\n';
const project = projectOf(suiteText(CASE));
if (project.problems.length > 0) throw new Error(project.problems.map(formatProblem).join('\n'));
const { suites, topologies, behaviours } = project;
const cases = suites.flatMap((suite) => suite.cases);

function plan(plans: Plans, ...there: string[]): PlannedCase | undefined {
  const has = (name: string): boolean => there.includes(name);
  const states = { 'max-128-segments': has('max-128-segments') };
  return [...planTarget(cases, { topologies, behaviours, has, states }, plans)][0];
}

t.test('a target that differs in what decides a case has a plan of its own', (t) => {
  const plans = new Plans();
  const expected = (planned: PlannedCase | undefined): unknown => planned?.expectations.at(-1)?.expected;
  const [old, recent] = [plan(plans), plan(plans, 'max-128-segments')];
  t.same(expected(old), expected(plan(new Plans())));
  t.same(expected(recent), { datagrams: [] });
  t.notSame(expected(old), expected(recent));
  t.equal(plan(plans)?.program, old?.program, 'also after the other was planned');
  t.same(plan(plans)?.states, { 'max-128-segments': false });
  t.end();
});

t.test('targets that differ in nothing that decides it share one, but not what they are held to', (t) => {
  const plans = new Plans();
  const [one, other] = [plan(plans), plan(plans, 'another-behaviour')];
  t.ok(one);
  t.equal(one?.expectations, other?.expectations);
  t.not(one, other);
  t.end();
});

t.test('nothing decides a plan but the behaviours that it names', (t) => {
  const all = loadProject(join(import.meta.dirname, '..', '..'));
  const plans = new Plans();
  const kernels = ['4.19.300', '5.10.230', '6.6.50', '7.3'].map((version) => {
    const there = all.behaviours.list.filter((one) => stated(one, version) === 'must-have');
    return new Set(there.map(({ name }) => name));
  });
  let planned = 0;
  for (const theCase of all.suites.flatMap((suite) => suite.cases))
    for (const variant of [theCase.variants[0], theCase.variants.at(-1)])
      for (const there of variant ? kernels : []) {
        if (!variant) continue;
        const has = (name: string): boolean => there.has(name);
        const afresh = planVariant(theCase, variant, { ...all, has }).planned;
        const same = JSON.stringify(plans.of(variant, has, () => afresh)) === JSON.stringify(afresh);
        if (!same) t.fail(`${variant.id} depends on more than ${afresh.behaviours.join(', ')}`);
        planned++;
      }
  t.ok(planned > 2000, `${planned} plans`);
  t.end();
});
