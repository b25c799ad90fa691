/** Probes: one program per behaviour, with both answers a kernel may give. */
import type { Expectation } from '../contract/expectation.ts';
import type { Action, Program } from '../contract/program.ts';
import { NO_BEHAVIOURS } from '../load/behaviour-table.ts';
import type { Behaviour } from '../load/behaviours.ts';
import { ProblemError, sortProblems, type Problem } from '../load/problem.ts';
import type { TopologyFile } from '../load/topology.ts';
import type { Case } from '../load/case.ts';
import { planVariant } from './target.ts';

export interface Probe {
  readonly behaviour: string;
  readonly needs: readonly string[];
  readonly program: Program;
  readonly has: readonly Expectation[];
  readonly lacks: readonly Expectation[];
}

/** Throws ProblemError with the problems of all probes. */
export function probePrograms(
  behaviours: readonly Behaviour[],
  topologies: ReadonlyMap<string, TopologyFile>,
): Probe[] {
  const problems: Problem[] = [];
  const probes: Probe[] = [];
  for (const behaviour of behaviours) {
    try {
      probes.push(probeProgram(behaviour, topologies));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new ProblemError(sortProblems(problems));
  return probes;
}

export function probeProgram(behaviour: Behaviour, topologies: ReadonlyMap<string, TopologyFile>): Probe {
  const plan = (theCase: Case) => {
    const [variant] = theCase.variants;
    if (!variant) throw new ProblemError([{ ...theCase.where, message: 'the probe has no variant' }]);
    return planVariant(theCase, variant, { topologies, behaviours: NO_BEHAVIOURS, has: () => false }).planned;
  };
  const has = plan(behaviour.probe.has);
  const lacks = plan(behaviour.probe.lacks);
  const { length } = has.program.actions;
  if (length !== lacks.program.actions.length)
    throw new ProblemError([{ ...has.where, message: '"has" and "lacks" ask for different actions' }]);
  return {
    behaviour: behaviour.name,
    needs: has.needs,
    program: {
      ...has.program,
      actions: has.program.actions.map((action, i) => both(action, lacks.program.actions[i])),
    },
    has: has.expectations,
    lacks: lacks.expectations,
  };
}

/** The answers differ in how many datagrams they wait for: the probe waits for the larger number. */
function both(action: Action, other: Action | undefined): Action {
  if (action.do !== 'receive' || other?.do !== 'receive') return action;
  return { ...action, want: Math.max(action.want, other.want) };
}
