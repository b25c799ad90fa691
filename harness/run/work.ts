/** What is still to be done on one target: which case, which attempt. */
import type { PlannedCase } from '../contract/expectation.ts';
import type { CaseResult } from '../contract/result.ts';

/** One program to run. */
export interface Task {
  readonly planned: PlannedCase;
  readonly attempt: number;
}

/** A case that took this many machines down is left out from then on. */
export const MAX_LOSSES = 2;

interface Record {
  /** Attempts that were recorded. */
  attempts: number;
  /** Rounds that are over for it. */
  rounds: number;
  losses: number;
}

export class Work {
  readonly #rounds: number;
  readonly #records = new Map<string, Record>();

  /**
   * @param rounds how often each case is to be run
   * @param prior results of the same run from before it was cut off
   */
  constructor(rounds: number, prior: Iterable<CaseResult> = []) {
    this.#rounds = rounds;
    for (const result of prior) this.record(result);
  }

  /** Takes note of a result. A lost case gets another try in the same round, until it has taken too many machines down. */
  record(result: CaseResult): void {
    if (result.cut === 'not-run') return;
    const record = this.#of(result.id);
    if (result.attempt <= record.attempts) return;
    record.attempts = result.attempt;
    if (result.cut === 'lost') record.losses++;
    else record.rounds++;
    // What does not run here does not run in the next round either.
    if (result.outcome === 'skip' || record.losses >= MAX_LOSSES) record.rounds = Infinity;
  }

  /** Number of the next attempt at a case. */
  attempt(id: string): number {
    return (this.#records.get(id)?.attempts ?? 0) + 1;
  }

  /** True when a case has no result yet. */
  untried(id: string): boolean {
    return !this.#records.has(id);
  }

  /** Machines that a case took down. */
  losses(id: string): number {
    return this.#records.get(id)?.losses ?? 0;
  }

  /** The first round that has something left among these cases, from 1; null when all is done. */
  round(ids: Iterable<string>): number | null {
    let least = Infinity;
    for (const id of ids) least = Math.min(least, this.#records.get(id)?.rounds ?? 0);
    return least < this.#rounds ? least + 1 : null;
  }

  /** What is left of a round, lazily: a case that is done by the time of its turn is left out. */
  *tasks(round: number, plan: Iterable<PlannedCase>): Generator<Task> {
    for (const planned of plan)
      if ((this.#records.get(planned.id)?.rounds ?? 0) < round)
        yield { planned, attempt: this.attempt(planned.id) };
  }

  #of(id: string): Record {
    const record = this.#records.get(id) ?? { attempts: 0, rounds: 0, losses: 0 };
    this.#records.set(id, record);
    return record;
  }
}
