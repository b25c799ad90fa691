/** For tests: what the model says of the steps of a suite's case, and whether the judge finds evidence that is otherwise. */
import type { StepEvidence } from '../contract/evidence.ts';
import type { Expectation } from '../contract/expectation.ts';
import type { Action } from '../contract/program.ts';
import { checkModel } from '../judge/model.ts';
import type { ModelDatagram } from './receivers.ts';
import { planned } from './test-support.ts';
import { Walk } from './walk.ts';
import type { StepModel } from './walk.ts';

type Verb = 'send' | 'receive' | 'packets' | 'inject';

/** A step that the model may say something of. */
export interface Modelled {
  readonly action: Action;
  readonly model: StepModel;
  readonly expectation: Expectation;
}

/** Those steps of a case, on a kernel of that version that does what the case expects. */
export function steps(id: string, version: string, verbs: readonly Verb[]): Modelled[] {
  const { states, cases } = planned(version);
  const one = cases.get(id);
  if (!one) throw new Error(`there is no case ${id}`);
  const walk = new Walk(one.program, states);
  return one.program.actions.flatMap((action, i) => {
    const expectation = one.expectations[i];
    if (!expectation) throw new Error(`step ${i} of ${id} has no expectation`);
    const { expected } = expectation;
    const returns = 'ok' in expected ? expected.returns : undefined;
    const outcome = 'error' in expected ? { ok: false, sent: 0 } : { ok: true, sent: returns ?? Infinity };
    const model = walk.step(action, outcome);
    return (verbs as readonly string[]).includes(action.do) ? [{ action, model, expectation }] : [];
  });
}

/** In short: what a call returns, the datagrams with their lengths, or why nothing is said. */
export function said({ model }: Modelled): string | readonly number[] {
  if (model.kind === 'returns') return model.value;
  if (model.kind === 'datagrams') return model.datagrams.map(({ length }) => length);
  return model.kind === 'unknown' ? `unknown: ${model.why}` : model.kind;
}

/** What the judge has against a step that went so; null: nothing. */
export function objection(step: Modelled, evidence: Partial<StepEvidence>): string | null {
  const { action, model, expectation } = step;
  const whole: StepEvidence = { ret: 0, calls: [], ...evidence };
  const check = checkModel('step', action, model, whole, expectation, 1);
  return check?.ok === false ? `${check.expected.join(' or ')}, got ${check.actual}` : null;
}

/** Datagrams as they would be read, if the model is right; `change` makes them otherwise. */
export function read(
  { model }: Modelled,
  change: (all: readonly ModelDatagram[]) => readonly ModelDatagram[] = (all) => all,
): Partial<StepEvidence> {
  const all = model.kind === 'datagrams' ? change(model.datagrams) : [];
  return {
    datagrams: all.map(({ length, payload, gro, from }) => ({
      ...{ length, payload, from: from ?? '', flags: [] },
      control: gro === null ? [] : [{ level: 'SOL_UDP', type: 'UDP_GRO', length: 4, hex: '', int: gro }],
    })),
  };
}
