/** Plans variants for one target: what is done, and what is expected of a kernel with these behaviours. */
import type { PlannedCase } from '../contract/expectation.ts';
import type { Case } from '../load/case.ts';
import type { BehaviourTable } from '../load/behaviour-table.ts';
import { ProblemError } from '../load/problem.ts';
import type { TopologyFile } from '../load/topology.ts';
import type { Value } from '../load/cel.ts';
import { Build } from './build.ts';
import type { Variant } from './expand.ts';
import { Plans } from './plans.ts';
import { Scope, type Has } from './scope.ts';
import { planShort } from './short.ts';
import { planSteps } from './steps.ts';
import { resolveTopology, type ResolvedTopology } from './topology.ts';

/** Time for a case beyond its waits, in ms, on a machine of usual speed. */
const DEADLINE_MS = 5000;

export interface PlanInput {
  readonly topologies: ReadonlyMap<string, TopologyFile>;
  readonly behaviours: BehaviourTable;
  /** Whether the target is to be judged as having a behaviour. */
  readonly has: Has;
}

export interface TargetInput extends PlanInput {
  /** {@link PlannedCase.states} */
  readonly states?: NonNullable<PlannedCase['states']>;
}

export interface PlannedVariant {
  readonly planned: PlannedCase;
  /** Names of axes and parameters that made a difference to anything. */
  readonly reads: ReadonlySet<string>;
  /** Alternatives that counted, as paths joined by blanks. */
  readonly reached: ReadonlySet<string>;
}

/**
 * Plans every variant of every case, each when it is asked for: a machine is busy with the first while the next are planned.
 * What `plans` has of other targets is not planned again. Throws ProblemError at the first variant that cannot be planned;
 * lintProject finds all of those beforehand.
 */
export function* planTarget(
  cases: readonly Case[],
  { states, ...input }: TargetInput,
  plans = new Plans(),
): Generator<PlannedCase, undefined> {
  for (const theCase of cases)
    for (const variant of theCase.variants) {
      const planned = plans.of(variant, input.has, () => planVariant(theCase, variant, input).planned);
      yield states ? { ...planned, states } : planned;
    }
}

/** Plans one variant; throws ProblemError. */
export function planVariant(theCase: Case, variant: Variant, input: PlanInput): PlannedVariant {
  const { resolved, parameters, used } = topologyOf(theCase, variant.values, input.topologies);
  const scope = new Scope(theCase, variant.values, parameters, input.behaviours, input.has);
  const build = new Build(theCase, scope, resolved, seedOf(variant.id));
  const skip = skipReason(theCase, scope);
  if (skip === undefined) {
    if (theCase.yaml.steps) planSteps(build, theCase.yaml.steps, [...theCase.path, 'steps']);
    else
      scope.collect(() => {
        planShort(build, theCase.yaml);
      });
  }
  const waits = build.actions.reduce(
    (total, action) => total + (action.do === 'receive' || action.do === 'errors' ? action.waitMs : 0),
    0,
  );
  const planned: PlannedCase = {
    id: variant.id,
    suite: theCase.suite,
    rule: theCase.rule,
    source: theCase.source,
    tags: theCase.tags,
    where: theCase.where,
    needs: [...new Set([...resolved.kinds, ...theCase.needs])],
    ...(skip === undefined ? {} : { skip }),
    program: {
      id: variant.id,
      seed: build.seed,
      topology: resolved.topology,
      actions: build.actions,
      deadlineMs: DEADLINE_MS + waits,
    },
    expectations: build.expectations,
    behaviours: scope.behaviours,
  };
  return { planned, reads: new Set([...scope.reads, ...used]), reached: scope.reached };
}

/** The topology of a variant: its parameters are the file's, overridden by axes of the same name. */
export function topologyOf(
  theCase: Case,
  values: Variant['values'],
  topologies: ReadonlyMap<string, TopologyFile>,
): { resolved: ResolvedTopology; parameters: Record<string, Value>; used: string[] } {
  const axis = theCase.topology.startsWith('$') ? theCase.topology.slice(1) : null;
  const name = axis === null ? theCase.topology : String(values[axis]);
  const file = topologies.get(name);
  if (!file)
    throw new ProblemError([{ ...theCase.where, message: `there is no topology ${JSON.stringify(name)}` }]);
  const overridden = Object.keys(file.parameters).filter((parameter) => parameter in values);
  const parameters = Object.fromEntries(
    Object.entries(file.parameters).map(([parameter, value]) => [parameter, values[parameter] ?? value]),
  );
  const used = axis === null ? overridden : [...overridden, axis];
  return { resolved: resolveTopology(file, parameters), parameters, used };
}

function skipReason(theCase: Case, scope: Scope): string | undefined {
  const list = theCase.yaml.skip_when ?? [];
  return list.find(({ when }, i) => scope.condition(when, [...theCase.path, 'skip_when', i, 'when']))?.reason;
}

/** FNV-1a of the id: the same case has the same payload everywhere. */
export function seedOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(id)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
