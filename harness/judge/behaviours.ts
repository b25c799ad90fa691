/** DESIGN's table: what a version states and what the kernel does decide together by what the cases are judged. */
import type { BehaviourStatus } from '../contract/result.ts';

export type Stated = BehaviourStatus['stated'];
export type Probed = BehaviourStatus['probed'];

/**
 * A probe alone never turns a failure into a pass on a kernel whose version says what it must do; a behaviour that a
 * kernel has although its version does not say so is a backport and is judged as such.
 */
export function weigh(stated: Stated, probed: Probed): Pick<BehaviourStatus, 'judged' | 'note'> {
  const settled = probed === 'has' || probed === 'has-not';
  if (stated === 'must-have') {
    if (probed === 'has-not') return { judged: true, note: 'missing' };
    return settled ? { judged: true } : unclear(true, probed);
  }
  if (stated === 'must-not-have') {
    if (probed === 'has') return { judged: true, note: 'backport' };
    return settled ? { judged: false } : unclear(false, probed);
  }
  return settled ? { judged: probed === 'has', note: 'observation' } : unclear(false, probed);
}

function unclear(judged: boolean, probed: Probed): Pick<BehaviourStatus, 'judged' | 'note'> {
  return probed === 'unclear' ? { judged, note: 'probe-unclear' } : { judged };
}

/** With --judge-as the other version's rules hold whatever the kernel does; what it lacks is named. */
export function weighAs(stated: Stated, probed: Probed): Pick<BehaviourStatus, 'judged' | 'note'> {
  const judged = stated === 'must-have';
  return judged && probed === 'has-not' ? { judged, note: 'missing' } : { judged };
}

/** True when nothing tells whether the kernel has it: cases that depend on it cannot be judged. */
export function undecided(status: BehaviourStatus): boolean {
  return status.stated === 'unknown' && (status.probed === 'unclear' || status.probed === 'not-probed');
}
