/** Turns verdicts, skips and losses into results. */
import type { CaseEvidence } from '../contract/evidence.ts';
import type { PlannedCase } from '../contract/expectation.ts';
import type { BehaviourStatus, CaseResult, Outcome } from '../contract/result.ts';
import type { Verdict } from '../judge/judge.ts';
import { PACKET_FILE, hasPackets } from './packet-file.ts';
import type { VariantInfo } from './planner.ts';

/** What stays the same for all results of one target. */
export interface TargetContext {
  readonly target: string;
  readonly statuses: readonly BehaviourStatus[];
  /** Command line that reruns one case, e.g. `./segproof run --kernel 6.1 'ID'`. */
  readonly rerun: (id: string) => string;
}

/** Folder of a case's evidence inside the results folder; the id is its path. */
export function evidencePath(target: string, id: string, attempt = 1): string {
  const path = `cases/${target.replaceAll('/', '_')}/${id}`;
  return attempt === 1 ? path : `${path}/attempt-${attempt}`;
}

export function judged(
  context: TargetContext,
  planned: PlannedCase,
  evidence: CaseEvidence,
  verdict: Verdict,
  attempt = 1,
): CaseResult {
  const lacking =
    verdict.outcome === 'pass'
      ? []
      : missing(context, [...planned.behaviours, ...(verdict.behaviours ?? [])]);
  // A device that lacks what a missing commit would give it is the kernel's fault, not the harness's.
  const refused = evidence.broken?.kind === 'refused' && verdict.outcome === 'error' && lacking.length > 0;
  // Fifty times the same would fill memory and journal: what a repeat that passed did is in its evidence.
  const brief = attempt > 1 && verdict.outcome === 'pass';
  return {
    ...blank(context, planned, refused ? 'fail' : verdict.outcome, verdict.reason, {
      attempt,
      evidence: evidencePath(context.target, planned.id, attempt),
    }),
    checks: brief ? [] : verdict.checks,
    behaviours: planned.behaviours,
    missing: lacking,
    calls: brief ? [] : [...evidence.setup, ...evidence.steps.flatMap((step) => step.calls)],
    log: evidence.kernel.log,
    ...(verdict.fingerprint === undefined ? {} : { fingerprint: verdict.fingerprint }),
    durationMs: evidence.durationMs,
    ...(verdict.outcome !== 'pass' && hasPackets(evidence)
      ? { capture: `${evidencePath(context.target, planned.id)}/${PACKET_FILE}` }
      : {}),
  };
}

/** A result without evidence: skipped, or its machine was lost. */
export function blank(
  context: TargetContext,
  variant: VariantInfo,
  outcome: Outcome,
  reason: string,
  more: Partial<CaseResult> = {},
): CaseResult {
  return {
    id: variant.id,
    suite: variant.suite,
    target: context.target,
    outcome,
    reason,
    rule: variant.rule,
    source: variant.source,
    where: variant.where,
    checks: [],
    behaviours: [],
    missing: [],
    calls: [],
    log: null,
    durationMs: 0,
    attempt: 1,
    rerun: context.rerun(variant.id),
    evidence: evidencePath(context.target, variant.id),
    ...more,
  };
}

function missing(context: TargetContext, names: readonly string[]): CaseResult['missing'] {
  return context.statuses
    .filter((status) => status.note === 'missing' && names.includes(status.name))
    .map(({ name, commit, subject }) => ({ behaviour: name, commit, subject }));
}
