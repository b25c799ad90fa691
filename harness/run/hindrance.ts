/** Why a case cannot run on a target. */
import type { PlannedCase } from '../contract/expectation.ts';
import type { Outcome } from '../contract/result.ts';
import { undecided } from '../judge/behaviours.ts';
import type { Survey } from './survey.ts';

export interface Hindrance {
  readonly outcome: Outcome;
  readonly reason: string;
}

/** It does not apply, something is missing, or nothing tells what to expect; null when it can run. */
export function hindered(planned: PlannedCase, facts: Survey): Hindrance | null {
  if (planned.skip !== undefined) return { outcome: 'skip', reason: planned.skip };
  for (const need of planned.needs) {
    const errno = facts.kinds[need];
    if (errno === undefined)
      return { outcome: 'error', reason: `the agent did not say whether ${need} works` };
    if (errno !== null) return { outcome: 'skip', reason: `this kernel offers no ${need} (${errno})` };
  }
  const open = facts.summary.behaviours.find(
    (status) => planned.behaviours.includes(status.name) && undecided(status),
  );
  if (!open) return null;
  const unknown = `nothing tells whether this kernel has ${open.name}: its version does not, and the probe`;
  return open.probed === 'not-probed'
    ? { outcome: 'skip', reason: `${unknown} cannot run here` }
    : { outcome: 'error', reason: `${unknown} gave neither answer` };
}
