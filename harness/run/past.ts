/** How long targets took in earlier runs, so that the longest can begin first. What it says orders work, never results. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { RunEvent } from '../contract/result.ts';

/** ms per case, boots included. */
type Rates = Record<string, number>;

export class Past {
  readonly #file: string;
  readonly #rates: Rates;
  readonly #begun = new Map<string, number>();
  readonly #cases = new Map<string, number>();
  readonly #now: () => number;

  /** @param file is made when there is something to keep; one that cannot be read is as if it were not there */
  constructor(file: string, now: () => number = Date.now) {
    this.#file = file;
    this.#now = now;
    this.#rates = read(file);
  }

  /** The longest first; those that nothing is known of before all others, as they may be long. */
  order<T>(targets: readonly T[], name: (target: T) => string): T[] {
    const rate = (target: T): number => this.#rates[name(target)] ?? Infinity;
    return [...targets].sort((a, b) => (rate(a) === rate(b) ? 0 : rate(b) - rate(a)));
  }

  /** Follows a run. */
  event(event: RunEvent): void {
    if (event.type === 'case-end') {
      const { target } = event.result;
      this.#cases.set(target, (this.#cases.get(target) ?? 0) + 1);
    }
    if (event.type !== 'machine') return;
    const begun = this.#begun.get(event.target);
    if (begun === undefined) this.#begun.set(event.target, this.#now());
    else if (event.state === 'done')
      this.#rates[event.target] = (this.#now() - begun) / Math.max(1, this.#cases.get(event.target) ?? 0);
  }

  /** Keeps what was learnt. Without it the next run is slower, and nothing else. */
  save(): void {
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      const fresh = `${this.#file}.${process.pid}`;
      writeFileSync(fresh, JSON.stringify(this.#rates));
      renameSync(fresh, this.#file);
    } catch {
      // See above.
    }
  }
}

function read(file: string): Rates {
  try {
    const rates = JSON.parse(readFileSync(file, 'utf8')) as Rates;
    return Object.fromEntries(Object.entries(rates).filter(([, rate]) => Number.isFinite(rate)));
  } catch {
    return {};
  }
}
