/** The verdict on one case: positive evidence for every planned check, or no pass. */
import type { CaseEvidence } from '../contract/evidence.ts';
import type { PlannedCase } from '../contract/expectation.ts';
import type { Check, Outcome } from '../contract/result.ts';
import { NoEvidence, checkStep } from './checks.ts';
import { findSplat, newTaint } from './splat.ts';

export interface Verdict {
  readonly outcome: Extract<Outcome, 'pass' | 'fail' | 'error' | 'timeout' | 'crash'>;
  /** One line; empty on pass. */
  readonly reason: string;
  readonly checks: readonly Check[];
  readonly fingerprint?: string;
}

/**
 * Kernel trouble outweighs whatever the sockets said; then a broken or short record makes `error` (or `timeout`);
 * then one failed check makes `fail`. `pass` needs a record of every action and every check held.
 */
export function judge(planned: PlannedCase, evidence: CaseEvidence): Verdict {
  const { checks, gap } = collect(planned, evidence);
  const trouble = kernelTrouble(evidence);
  if (trouble) return { outcome: 'crash', checks, ...trouble };
  if (evidence.broken) {
    const { kind, message } = evidence.broken;
    return { outcome: kind === 'timeout' ? 'timeout' : 'error', reason: message, checks };
  }
  if (gap !== null) return { outcome: 'error', reason: `incomplete evidence: ${gap}`, checks };
  const failed = checks.find((check) => !check.ok);
  if (failed)
    return {
      outcome: 'fail',
      reason: `${failed.name}: expected ${failed.expected.join(' or ')}, got ${failed.actual}`,
      checks,
    };
  if (checks.length === 0) return { outcome: 'error', reason: 'nothing was checked', checks };
  return { outcome: 'pass', reason: '', checks };
}

/** Checks of all steps there is a record of, and what is missing, if anything. */
function collect(planned: PlannedCase, evidence: CaseEvidence): { checks: Check[]; gap: string | null } {
  const checks: Check[] = [];
  const { actions } = planned.program;
  if (evidence.id !== planned.id) return { checks, gap: `the record is of ${evidence.id}` };
  for (const [i, expectation] of planned.expectations.entries()) {
    const action = actions[i];
    const step = evidence.steps[i];
    if (!action || !step)
      return { checks, gap: `step ${i + 1} of ${planned.expectations.length} has no record` };
    try {
      checks.push(...checkStep(action, expectation, step));
    } catch (problem) {
      if (!(problem instanceof NoEvidence)) throw problem;
      return { checks, gap: `step ${i + 1}: ${problem.message}` };
    }
  }
  if (actions.length !== planned.expectations.length || evidence.steps.length !== actions.length)
    return { checks, gap: `${evidence.steps.length} records for ${actions.length} steps` };
  return { checks, gap: null };
}

function kernelTrouble(evidence: CaseEvidence): { reason: string; fingerprint: string } | null {
  const splat = findSplat(evidence.kernel.log ?? []);
  if (splat) return { reason: `kernel log: ${splat.line}`, fingerprint: splat.fingerprint };
  const taint = newTaint(evidence.kernel.taint.before, evidence.kernel.taint.after);
  if (taint !== 0) return { reason: `the kernel's taint rose by ${taint}`, fingerprint: `taint ${taint}` };
  return null;
}
