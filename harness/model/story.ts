/** What a model says of a whole case, told once for all kernels whose evidence and behaviours lead it the same way. */
import type { Program } from '../contract/program.ts';
import { Walk } from './walk.ts';
import type { StepModel, StepOutcome } from './walk.ts';

type States = Readonly<Record<string, boolean>>;

export interface Story {
  /** One per outcome. */
  readonly steps: readonly StepModel[];
  /** Behaviours that decided anything. */
  readonly behaviours: readonly string[];
}

interface Told extends Story {
  readonly outcomes: readonly StepOutcome[];
  /** What was said of these behaviours; undefined: nothing. */
  readonly answers: readonly (boolean | undefined)[];
}

/** By program, so that they go when it goes. */
const told = new WeakMap<Program, readonly Told[]>();

/** Of the first steps of a program, as many as there are outcomes. */
export function storyOf(program: Program, states: States, outcomes: readonly StepOutcome[]): Story {
  const before = told.get(program) ?? [];
  const known = before.find((one) => fits(one, states, outcomes));
  if (known) return known;
  const story = tell(program, states, outcomes);
  told.set(program, [...before, story]);
  return story;
}

function tell(program: Program, states: States, outcomes: readonly StepOutcome[]): Told {
  const walk = new Walk(program, states);
  const steps = program.actions
    .slice(0, outcomes.length)
    .map((action, i) => walk.step(action, outcomes[i] as StepOutcome));
  const behaviours = [...walk.behaviours];
  return { steps, behaviours, outcomes, answers: behaviours.map((name) => states[name]) };
}

function fits(one: Told, states: States, outcomes: readonly StepOutcome[]): boolean {
  return (
    one.outcomes.length === outcomes.length &&
    one.outcomes.every(({ ok, sent }, i) => ok === outcomes[i]?.ok && sent === outcomes[i].sent) &&
    one.behaviours.every((name, i) => states[name] === one.answers[i])
  );
}
