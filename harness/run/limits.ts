/** What can end a run from outside: the user, its own deadline, or a failure of one of its targets. */
import { RunDeadline } from './target.ts';

export class RunLimits {
  readonly #own = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly signal: AbortSignal;

  /** @param deadlineMs longest time for the whole run */
  constructor(user: AbortSignal, deadlineMs?: number) {
    this.signal = AbortSignal.any([user, this.#own.signal]);
    if (deadlineMs === undefined) return;
    this.#timer = setTimeout(() => {
      this.abort(new RunDeadline(`the run's deadline of ${deadlineMs / 1000} s came first`));
    }, deadlineMs);
  }

  /** Ends every machine, for this reason. */
  abort(reason: unknown): void {
    this.#own.abort(reason);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
