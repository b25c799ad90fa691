import type { CaseResult, Location, Outcome, Totals } from '../harness/contract/result.ts';
import type { Paint } from './paint.ts';

/** Order of counts everywhere: what is fine, what is not, what did not run. */
export const OUTCOMES = [
  'pass',
  'xfail',
  'fail',
  'xpass',
  'error',
  'timeout',
  'crash',
  'skip',
] as const satisfies readonly Outcome[];

/** Word in the terminal view: loud ones need somebody's attention. */
export const WORD: Readonly<Record<Outcome, string>> = {
  pass: 'ok',
  xfail: 'xfail',
  fail: 'FAIL',
  xpass: 'XPASS',
  error: 'ERROR',
  timeout: 'TIMEOUT',
  crash: 'CRASH',
  skip: 'skip',
};

export const STYLE: Readonly<Record<Outcome, Parameters<Paint>[0]>> = {
  pass: 'good',
  xfail: 'warn',
  fail: 'bad',
  xpass: 'bad',
  error: 'bad',
  timeout: 'bad',
  crash: 'bad',
  skip: 'dim',
};

const FINE: ReadonlySet<Outcome> = new Set(['pass', 'skip', 'xfail']);

/** Came out in a way that makes the run exit with 1. */
export function unexpected(outcome: Outcome): boolean {
  return !FINE.has(outcome);
}

/** Counts results by outcome. */
export function count(results: Iterable<CaseResult>): Totals {
  const totals = { pass: 0, fail: 0, skip: 0, xfail: 0, xpass: 0, error: 0, timeout: 0, crash: 0 };
  for (const result of results) totals[result.outcome]++;
  return totals;
}

/** The outcomes that occurred: `['312 ok', '3 FAIL', '12 skip']`. */
export function tally(totals: Totals): string[] {
  return OUTCOMES.filter((outcome) => totals[outcome] > 0).map(
    (outcome) => `${totals[outcome]} ${WORD[outcome]}`,
  );
}

/** `file:line:column`, as editors and compilers understand it. */
export function place(where: Location): string {
  return `${where.file}:${where.line}:${where.column}`;
}
