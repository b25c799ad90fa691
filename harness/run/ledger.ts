/** Counts of a run: what came of each case on each target, over all its attempts. */
import type { CaseResult, Outcome, Totals } from '../contract/result.ts';
import { settledOutcome } from '../contract/settle.ts';

/** Outcomes that nobody asked for. */
const UNEXPECTED: ReadonlySet<Outcome> = new Set<Outcome>(['fail', 'xpass', 'error', 'timeout', 'crash']);

export const unexpected = (outcome: Outcome): boolean => UNEXPECTED.has(outcome);

interface Entry {
  /** By attempt, from 0. */
  readonly outcomes: Outcome[];
  ran: boolean;
}

export class Ledger {
  readonly #targets = new Map<string, Map<string, Entry>>();

  record({ target, id, outcome, attempt, cut }: CaseResult): void {
    const cases = this.#targets.get(target) ?? new Map<string, Entry>();
    this.#targets.set(target, cases);
    const entry = cases.get(id) ?? { outcomes: [], ran: false };
    cases.set(id, entry);
    entry.outcomes[attempt - 1] = outcome;
    entry.ran = cut !== 'not-run';
  }

  totals(): Totals {
    const totals = { pass: 0, fail: 0, skip: 0, xfail: 0, xpass: 0, error: 0, timeout: 0, crash: 0 };
    for (const { outcome } of this.#settled()) totals[outcome]++;
    return totals;
  }

  /** Exit status of DESIGN's table. A target that never came up says nothing of a kernel: its losses make 69, not 1. */
  exit(): number {
    const up = [...this.#targets].filter(([, cases]) => [...cases.values()].some(({ ran }) => ran));
    const outcomes = [...this.#settled(up.map(([, cases]) => cases))].map(({ outcome }) => outcome);
    if (outcomes.some(unexpected)) return 1;
    if (up.length < this.#targets.size) return 69;
    return outcomes.some((outcome) => outcome !== 'skip') ? 0 : 4;
  }

  *#settled(
    targets: Iterable<ReadonlyMap<string, Entry>> = this.#targets.values(),
  ): Generator<{ outcome: Outcome }> {
    for (const cases of targets)
      for (const { outcomes } of cases.values()) yield { outcome: settledOutcome(outcomes.filter(Boolean)) };
  }
}
