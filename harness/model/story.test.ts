import { join } from 'node:path';
import t from 'tap';
import { loadProject } from '../load/project.ts';
import { planTarget } from '../plan/target.ts';
import { storyOf } from './story.ts';
import type { StepOutcome } from './walk.ts';
import { Walk } from './walk.ts';

const { suites, topologies, behaviours } = loadProject(join(import.meta.dirname, '..', '..'));
const cases = suites.flatMap((suite) => suite.cases);
const names = behaviours.list.map(({ name }) => name);
const went: StepOutcome = { ok: true, sent: 1 };
const failed: StepOutcome = { ok: false, sent: -1 };

const states = (has: (name: string) => boolean): Record<string, boolean> =>
  Object.fromEntries(names.map((name) => [name, has(name)]));

t.test('every story is what a walk of its own comes to, whatever was told of the program before', (t) => {
  const input = { topologies, behaviours, has: () => true };
  const programs = [...planTarget(cases, input)].filter((_, i) => i % 20 === 0).map(({ program }) => program);
  const kernels = [states(() => true), states(() => false), {}, states((name) => name.length % 2 === 0)];
  let shared = 0;
  for (const program of programs) {
    const ways = [
      program.actions.map(() => went),
      program.actions.map(({ do: verb }) => (verb === 'send' ? failed : went)),
      program.actions.slice(1).map(() => went),
    ];
    const stories = new Set();
    for (const outcomes of ways)
      for (const states of kernels) {
        const story = storyOf(program, states, outcomes);
        stories.add(story);
        const walk = new Walk(program, states);
        const steps = outcomes.map((outcome, i) => {
          const action = program.actions[i];
          return action && walk.step(action, outcome);
        });
        const afresh = { steps, behaviours: [...walk.behaviours] };
        const { steps: said, behaviours: decided } = story;
        if (JSON.stringify({ steps: said, behaviours: decided }) !== JSON.stringify(afresh))
          t.fail(`${program.id} has another kernel's story`);
      }
    shared += ways.length * kernels.length - stories.size;
  }
  t.ok(shared > programs.length, `${shared} stories were not told again`);
  t.end();
});

t.test('a program without its captures, because they could not be started, has a story too', (t) => {
  const program = [...planTarget(cases, { topologies, behaviours, has: () => true })]
    .map((planned) => planned.program)
    .find(({ actions }) => actions.some(({ do: verb }) => verb === 'packets'));
  const all = states(() => true);
  const steps =
    program &&
    storyOf(
      program,
      all,
      program.actions.map(() => failed),
    ).steps;
  const at = program?.actions.findIndex(({ do: verb }) => verb === 'packets') ?? -1;
  t.match(steps?.[at], { kind: 'unknown', why: /could not be started/ });
  t.end();
});
