/** Expectations of steps that would check nothing, or two things that cannot both be. */
import type { Report } from './case.ts';
import type { Step } from './schema/steps.ts';
import { isMapping } from './walk.ts';
import type { Path } from './yaml-file.ts';

/** What one of must be given where something is expected at all. */
const SOMETHING: Readonly<Record<string, readonly string[]>> = {
  get: ['value', 'hex', 'error'],
  errors: ['errors', 'completions', 'error'],
  queue: ['bytes', 'error'],
};

export function checkExpect(step: Step, verb: string, path: Path, report: Report): void {
  const { expect } = step;
  if (expect === undefined) return;
  const list: readonly unknown[] = Array.isArray(expect) ? expect : [expect];
  for (const [i, one] of list.entries()) {
    if (!isMapping(one)) continue;
    const at = Array.isArray(expect) ? [...path, i] : path;
    const keys = Object.keys(one).filter((key) => key !== 'when' && key !== 'otherwise');
    if (keys.includes('error') && keys.length > 1)
      report(at, `an error and "${keys.find((key) => key !== 'error') ?? ''}" at once`);
    if (keys.includes('value') && keys.includes('hex')) report(at, '"value" and "hex" at once');
    const something = SOMETHING[verb];
    if (something && keys.length > 0 && !keys.some((key) => something.includes(key)))
      report(at, 'nothing is expected', { expected: something.map((key) => `"${key}"`).join(' or ') });
    if (keys.includes('errors') && keys.includes('completions'))
      report(at, '"errors" and "completions" at once');
    if (verb === 'errors' && keys.length === 0)
      report(at, 'nothing is expected', { expected: '"errors", "completions" or "error"' });
    if (verb === 'queue' && keys.length === 0)
      report(at, 'nothing is expected', { expected: '"bytes" or "error"' });
  }
}
