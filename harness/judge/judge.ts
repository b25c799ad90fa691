/** The verdict on one case: positive evidence for every planned check, or no pass. */
import type { CaseEvidence } from '../contract/evidence.ts';
import type { PlannedCase } from '../contract/expectation.ts';
import type { Action } from '../contract/program.ts';
import type { Check, Outcome } from '../contract/result.ts';
import { NoEvidence, checkStep, describe } from './checks.ts';
import { storyOf } from '../model/story.ts';
import type { StepOutcome } from '../model/walk.ts';
import { checkModel } from './model.ts';
import { findSplat, newTaint } from './splat.ts';

export interface Verdict {
  readonly outcome: Extract<Outcome, 'pass' | 'fail' | 'error' | 'timeout' | 'crash'>;
  /** One line; empty on pass. */
  readonly reason: string;
  readonly checks: readonly Check[];
  /** Behaviours by which the model came to what did not hold. */
  readonly behaviours?: readonly string[];
  readonly fingerprint?: string;
  /** The kernel is in a state that says nothing of the cases after this one. */
  readonly grave?: boolean;
}

/**
 * Kernel trouble outweighs whatever the sockets said; then a broken or short record makes `error` (or `timeout`);
 * then one failed check makes `fail`. `pass` needs a record of every action and every check held.
 */
export function judge(planned: PlannedCase, evidence: CaseEvidence): Verdict {
  const { checks, gap, asked } = collect(planned, evidence);
  const trouble = kernelTrouble(evidence.kernel);
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
      behaviours: asked,
    };
  if (checks.length === 0) return { outcome: 'error', reason: 'nothing was checked', checks };
  return { outcome: 'pass', reason: '', checks };
}

interface Collected {
  readonly checks: Check[];
  /** What is missing of the record, if anything. */
  readonly gap: string | null;
  /** Behaviours the model asked for, where it disagrees. */
  readonly asked: readonly string[];
}

/** Checks of all steps there is a record of. */
function collect(planned: PlannedCase, evidence: CaseEvidence): Collected {
  const checks: Check[] = [];
  const { actions } = planned.program;
  const story = planned.states && storyOf(planned.program, planned.states, outcomes(actions, evidence.steps));
  let disagrees = false;
  const done = (gap: string | null): Collected => ({
    checks,
    gap,
    asked: disagrees ? (story?.behaviours ?? []) : [],
  });
  if (evidence.id !== planned.id) return done(`the record is of ${evidence.id}`);
  for (const [i, expectation] of planned.expectations.entries()) {
    const action = actions[i];
    const step = evidence.steps[i];
    if (!action || !step) return done(`step ${i + 1} of ${planned.expectations.length} has no record`);
    try {
      checks.push(...checkStep(action, expectation, step));
      const model = story?.steps[i];
      const check =
        model && checkModel(describe(action), action, model, step, expectation, planned.program.seed);
      if (check) checks.push(check);
      disagrees ||= check?.ok === false;
    } catch (problem) {
      if (!(problem instanceof NoEvidence)) throw problem;
      return done(`step ${i + 1}: ${problem.message}`);
    }
  }
  if (actions.length !== planned.expectations.length || evidence.steps.length !== actions.length)
    return done(`${evidence.steps.length} records for ${actions.length} steps`);
  return done(null);
}

/** How the steps went that there is a record of. Only of sends it counts what they returned: other calls return a descriptor, or a length. */
function outcomes(actions: readonly Action[], steps: CaseEvidence['steps']): StepOutcome[] {
  return steps
    .slice(0, actions.length)
    .map(({ ret }, i) => ({ ok: ret !== -1, sent: actions[i]?.do === 'send' ? ret : 0 }));
}

/** What a kernel's log and taint tell against it; null when nothing. */
export function kernelTrouble({
  log,
  taint: { before, after },
}: CaseEvidence['kernel']): Pick<Verdict, 'reason' | 'fingerprint' | 'grave'> | null {
  const splat = findSplat(log ?? []);
  if (splat)
    return { reason: `kernel log: ${splat.line}`, fingerprint: splat.fingerprint, grave: splat.grave };
  const taint = newTaint(before, after);
  if (taint.length > 0)
    return { reason: `the kernel is tainted: ${taint.join(', ')}`, fingerprint: `taint ${taint.join(' ')}` };
  return null;
}
