/** What several attempts at one case amount to. The runner counts by it and views show it. */
import type { CaseResult, Outcome } from './result.ts';

/** From harmless to grave: of attempts that differ the gravest counts, so that luck never makes a pass. */
const GRAVITY: readonly Outcome[] = ['pass', 'skip', 'xfail', 'xpass', 'fail', 'error', 'timeout', 'crash'];

/** The outcome of a case that came out like this, attempt by attempt. */
export function settledOutcome(outcomes: readonly Outcome[]): Outcome {
  return outcomes.reduce((a, b) => (GRAVITY.indexOf(b) > GRAVITY.indexOf(a) ? b : a));
}

/**
 * The one result that stands for all attempts: the last of the gravest, marked as flaky where they differ.
 * `attempts` has at least one.
 */
export function settle(attempts: readonly [CaseResult, ...CaseResult[]]): CaseResult {
  const outcome = settledOutcome(attempts.map((attempt) => attempt.outcome));
  const last = attempts.findLast((attempt) => attempt.outcome === outcome) ?? attempts[0];
  const kinds = GRAVITY.flatMap((kind) => {
    const n = attempts.filter((attempt) => attempt.outcome === kind).length;
    return n === 0 ? [] : [[kind, n] as const];
  });
  if (kinds.length === 1) return last;
  const told = kinds.map(([kind, n]) => `${n} ${kind}`).join(', ');
  const reason = `flaky: ${told} in ${attempts.length} attempts${last.reason === '' ? '' : `; ${last.reason}`}`;
  return { ...last, reason, flaky: Object.fromEntries(kinds) };
}
