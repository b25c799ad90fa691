/** Plans that were made for one target and serve others: of eleven kernels most agree in all that decides a case. */
import type { PlannedCase } from '../contract/expectation.ts';
import type { Variant } from './expand.ts';
import type { Has } from './scope.ts';

interface Made {
  readonly planned: PlannedCase;
  /** What the target of the plan said of the behaviours that decided anything in it. */
  readonly answers: readonly (readonly [behaviour: string, there: boolean])[];
}

/** Of targets that share cases, topologies and behaviours. Keeps every different plan: of all variants for eleven kernels 1.6 each. */
export class Plans {
  readonly #made = new Map<Variant, readonly Made[]>();

  /** The variant's plan for the target that `has` speaks for: one object for all targets that it is the same for. */
  of(variant: Variant, has: Has, plan: () => PlannedCase): PlannedCase {
    const before = this.#made.get(variant) ?? [];
    const known = before.find((made) => fits(made, has));
    if (known) return known.planned;
    const planned = plan();
    const answers = planned.behaviours.map((name) => [name, has(name)] as const);
    this.#made.set(variant, [...before, { planned, answers }]);
    return planned;
  }
}

/** Planning asks one question after the other, and which comes next depends on the answers: the same ones lead to the same plan. */
function fits({ answers }: Made, has: Has): boolean {
  return answers.every(([behaviour, there]) => has(behaviour) === there);
}
