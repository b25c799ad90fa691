import type { CaseResult } from '../harness/contract/result.ts';
import { comparisonLines } from './comparison.ts';
import { place } from './outcomes.ts';
import { excerpt } from './text.ts';

/** Longest text of one field, in characters; whole texts are in results.json and in the case's evidence. */
const FIELD = 1000;
/** Most system calls and kernel log lines shown; the last ones tell most. */
const LINES = 40;

function last(lines: readonly string[]): string[] {
  const shown = lines.slice(-LINES).map((line) => excerpt(line, FIELD));
  const hidden = lines.length - shown.length;
  return hidden > 0 ? [`… ${hidden} earlier lines left out`, ...shown] : shown;
}

/**
 * What a machine-readable stream says about a result: printable text only, keys without content left out, always in
 * the same order.
 */
export function diagnostics(result: CaseResult): Record<string, unknown> {
  const failed = result.checks.filter((check) => !check.ok);
  const fields: Record<string, unknown> = {
    outcome: result.outcome,
    reason: excerpt(result.reason, FIELD),
    rule: excerpt(result.rule, FIELD),
    at: excerpt(place(failed.find((check) => check.where !== undefined)?.where ?? result.where), FIELD),
    checks: failed.map((check) => ({
      name: excerpt(check.name, FIELD),
      expected: check.expected.map((expected) => excerpt(expected, FIELD)),
      actual: excerpt(check.actual, FIELD),
      ...(check.where === undefined ? {} : { at: excerpt(place(check.where), FIELD) }),
      ...(check.comparison === undefined ? {} : { packets: comparisonLines(check.comparison, FIELD) }),
    })),
    missing: result.missing.map((behaviour) => ({
      behaviour: excerpt(behaviour.behaviour, FIELD),
      commit: excerpt(behaviour.commit, FIELD),
      subject: excerpt(behaviour.subject, FIELD),
    })),
    fingerprint: result.fingerprint === undefined ? '' : excerpt(result.fingerprint, FIELD),
    log: last(result.log ?? []),
    calls: last(result.calls),
    attempt: result.attempt > 1 ? result.attempt : '',
    rerun: excerpt(result.rerun, FIELD),
    evidence: excerpt(result.evidence, FIELD),
    capture: excerpt(result.capture ?? '', FIELD),
  };
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => value !== '' && !(Array.isArray(value) && value.length === 0),
    ),
  );
}
