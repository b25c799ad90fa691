/** Which case a machine's end is laid to, and how that is recorded. */
import type { CaseResult } from '../contract/result.ts';
import type { Loss } from './loss.ts';
import { blank, evidencePath, type TargetContext } from './outcome.ts';
import type { VariantInfo } from './planner.ts';
import type { Evidence } from './folder.ts';
import { MAX_LOSSES, type Work } from './work.ts';

interface Court {
  readonly context: TargetContext;
  readonly work: Work;
  readonly evidence: Evidence;
  readonly finish: (result: CaseResult) => void;
}

/** The case that was running took its machine down; it is tried again until it has done so too often. */
export function blameRunning(court: Court, variant: VariantInfo, attempt: number, loss: Loss): void {
  const { context, work, evidence, finish } = court;
  const last = work.losses(variant.id) + 1 >= MAX_LOSSES;
  const then = last ? `left out: it took ${MAX_LOSSES} machines down` : 'tried again in a fresh machine';
  const result = blank(context, variant, loss.outcome, `${loss.reason}; ${then}`, {
    attempt,
    cut: 'lost',
    ...fingerprint(loss),
    evidence: evidencePath(context.target, variant.id, attempt),
  });
  evidence.keepLoss(result, variant, loss.console);
  finish(result);
}

/** No case was running: the machine's end is laid to the last one that it finished, whose result it changes. */
export function blameLast(court: Court, last: CaseResult, loss: Omit<Loss, 'console'>, said: string): void {
  const result: CaseResult = {
    ...last,
    outcome: loss.outcome,
    reason: `after its end: ${loss.reason}`,
    ...fingerprint(loss),
  };
  court.evidence.keepLoss(result, last, said);
  court.finish(result);
}

function fingerprint(loss: Omit<Loss, 'console'>): { fingerprint?: string } {
  return loss.fingerprint === undefined ? {} : { fingerprint: loss.fingerprint };
}
