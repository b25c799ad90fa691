import type { CaseResult } from '../harness/contract/result.ts';
import { unexpected } from './outcomes.ts';

/** Shown in full per kind of failure, and in all; of each kind at least one is. */
const PER_KIND = 2;
const IN_ALL = 20;

/** Failures that are the same for a reader. */
export interface Kind {
  readonly first: CaseResult;
  count: number;
  /** How many of them were shown in full. */
  shown: number;
  readonly targets: Set<string>;
}

/** What makes two failures the same: outcome, and the missing commits, the crash, or the reason but for its numbers. */
function kindOf(result: CaseResult): string {
  const why =
    result.missing.length > 0
      ? result.missing.map(({ commit }) => commit).join(' ')
      : (result.fingerprint ?? result.reason.replaceAll(/\d+/g, 'N'));
  return `${result.outcome} ${why}`;
}

/** An attempt, also where a result stands for several. */
function nameOf({ target, id, attempt }: CaseResult): string {
  return `${target} ${id} ${attempt}`;
}

/** Decides which failures are shown in full, and counts all of them by kind. */
export class Fold {
  readonly #all: boolean;
  readonly #shown = new Set<string>();
  readonly #perKind = new Map<string, number>();

  /** @param all show everything in full */
  constructor(all: boolean) {
    this.#all = all;
  }

  /** True when this one is to be shown in full. */
  show(result: CaseResult): boolean {
    const kind = kindOf(result);
    const before = this.#perKind.get(kind) ?? 0;
    const room = before === 0 || (before < PER_KIND && this.#shown.size < IN_ALL);
    if (!this.#all && !room) return false;
    this.#perKind.set(kind, before + 1);
    this.#shown.add(nameOf(result));
    return true;
  }

  /** The failures among the final results by kind, the most frequent first. */
  kinds(results: Iterable<CaseResult>): Kind[] {
    const kinds = new Map<string, Kind>();
    for (const result of results) {
      if (!unexpected(result.outcome)) continue;
      const key = kindOf(result);
      const kind = kinds.get(key) ?? { first: result, count: 0, shown: 0, targets: new Set<string>() };
      kinds.set(key, kind);
      kind.count++;
      if (this.#shown.has(nameOf(result))) kind.shown++;
      kind.targets.add(result.target);
    }
    return [...kinds.values()].sort((a, b) => b.count - a.count);
  }
}
