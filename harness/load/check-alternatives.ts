/** Lists of alternatives: exactly one of them must count, whatever the kernel. */
import type { Report } from './case.ts';
import type { Path } from './yaml-file.ts';

export interface Alternative {
  readonly when?: unknown;
  readonly otherwise?: true | undefined;
}

/** One list of alternatives. */
export function checkAlternatives(list: readonly Alternative[], path: Path, report: Report): void {
  const seen = new Set<unknown>();
  for (const [i, { when, otherwise }] of list.entries()) {
    const last = i === list.length - 1;
    const at = [...path, i];
    if (when !== undefined && otherwise) report(at, '"when" and "otherwise" at once');
    else if (otherwise && !last) report(at, '"otherwise" must come last: what follows is never reached');
    else if (otherwise && list.length === 1) report(at, '"otherwise" without any "when" before it');
    else if (when === undefined && !otherwise)
      report(at, 'an alternative without a condition', { expected: '"when" or "otherwise: true"' });
    if (when !== undefined && seen.has(when))
      report([...at, 'when'], 'this alternative is never reached: an earlier one has the same condition');
    seen.add(when);
    if (when === true && !last) report([...at, 'when'], 'what follows this alternative is never reached');
    if (when === false) report([...at, 'when'], 'this alternative is never reached');
    if (last && !otherwise && when !== undefined)
      report(at, 'the last alternative has a condition: what if none holds?', {
        expected: '"otherwise: true"',
      });
  }
}
