import { stringify } from 'yaml';
import type { CaseResult } from '../harness/contract/result.ts';
import { diagnostics } from './diagnostics.ts';
import { unexpected } from './outcomes.ts';
import { excerpt, visible } from './text.ts';

/** Text on a TAP line: `\` and `#` escaped; a `{` at its end would open a nested block for some readers. */
export function tapText(text: string): string {
  return visible(text).trim().replaceAll('\\', '\\\\').replaceAll('#', '\\#').replace(/\{$/, '(');
}

function directive(result: CaseResult): string {
  const reason = tapText(excerpt(result.reason, 300));
  if (result.outcome === 'skip') return ` # SKIP ${reason}`.trimEnd();
  if (result.outcome === 'xfail') return ` # TODO ${reason}`.trimEnd();
  return '';
}

/** A TAP 14 YAML block; every string is on one line, so that none can look like its end. */
function block(fields: Record<string, unknown>): string[] {
  // yaml-1.1: readers of the old version would take a plain `yes` or `12:30` for something else than a string.
  const yaml = stringify(fields, { lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false });
  return [
    '  ---',
    ...yaml
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line}`),
    '  ...',
  ];
}

/**
 * Lines of one test point, numbered from 1. `xpass` is `not ok`: it makes the run exit with 1, and a stream that
 * called it `ok` would say the opposite.
 */
export function tapPoint(number: number, result: CaseResult): string[] {
  const ok = result.outcome === 'pass' || result.outcome === 'skip';
  const line = `${ok ? 'ok' : 'not ok'} ${number} - ${tapText(result.id)}${directive(result)}`;
  const told = unexpected(result.outcome) || result.outcome === 'xfail' || result.attempt > 1;
  return told ? [line, ...block(diagnostics(result))] : [line];
}
