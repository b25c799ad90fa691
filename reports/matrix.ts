import type { CaseResult, Totals } from '../harness/contract/result.ts';
import type { Collected } from './collect.ts';
import { count, OUTCOMES, STYLE, WORD } from './outcomes.ts';
import type { Paint } from './paint.ts';
import { clipMiddle, pad, visible, width } from './text.ts';

const GAP = 2;
/** Longest name of a suite or target that is shown whole. */
const NAME = 32;

/** One count with its colour. */
export interface Cell {
  readonly text: string;
  readonly style: Parameters<Paint>[0];
}

/** The outcomes that occurred. */
export function cells(totals: Totals): Cell[] {
  return OUTCOMES.filter((outcome) => totals[outcome] > 0).map((outcome) => ({
    text: `${totals[outcome]} ${WORD[outcome]}`,
    style: STYLE[outcome],
  }));
}

/** One suite: a stack of counts per target, as high as the highest. */
function row(
  name: string,
  stacks: readonly (readonly Cell[])[],
  widths: readonly number[],
  paint: Paint,
): string[] {
  const height = Math.max(1, ...stacks.map((stack) => stack.length));
  return Array.from({ length: height }, (_, line) => {
    const counts = stacks.map((stack, index) => {
      const cell = stack[line] ?? { text: line === 0 ? '-' : '', style: 'dim' as const };
      return ' '.repeat(Math.max(0, (widths[index] ?? 0) - width(cell.text))) + paint(cell.style, cell.text);
    });
    return [line === 0 ? name : ' '.repeat(width(name)), ...counts].join(' '.repeat(GAP)).trimEnd();
  });
}

/** Cuts the targets into groups that fit beside the names. */
function groups(widths: readonly number[], room: number): number[][] {
  const all: number[][] = [];
  let used = 0;
  widths.forEach((columns, index) => {
    const group = all.at(-1);
    if (group === undefined || used + GAP + columns > room) {
      all.push([index]);
      used = GAP + columns;
    } else {
      group.push(index);
      used += GAP + columns;
    }
  });
  return all;
}

/** Suites down, targets across, counts by outcome; several tables when the targets do not fit side by side. */
export function matrix(
  run: Collected,
  options: { readonly paint: Paint; readonly columns: number },
): string[] {
  const targets = [...run.targets.values()];
  const bySuite = new Map<string, Map<string, CaseResult[]>>();
  for (const result of run.finals()) {
    const suite = bySuite.get(result.suite) ?? new Map<string, CaseResult[]>();
    bySuite.set(result.suite, suite);
    suite.set(result.target, [...(suite.get(result.target) ?? []), result]);
  }
  const suites = [...bySuite].sort(([a], [b]) => (a < b ? -1 : 1));
  const name = (text: string): string => clipMiddle(visible(text), NAME);
  const first = Math.max(...suites.map(([suite]) => width(name(suite))), 0);
  const stacks = suites.map(([, results]) =>
    targets.map((target) => cells(count(results.get(target.name) ?? []))),
  );
  const widths = targets.map((target, index) =>
    Math.max(
      width(name(target.name)),
      ...stacks.map((suite) => Math.max(1, ...(suite[index] ?? []).map((cell) => width(cell.text)))),
    ),
  );
  const lines: string[] = [];
  for (const group of groups(widths, options.columns - first)) {
    if (lines.length > 0) lines.push('');
    const heads = group.map((index) => name(targets[index]?.name ?? '').padStart(widths[index] ?? 0));
    lines.push(options.paint('bold', [' '.repeat(first), ...heads].join(' '.repeat(GAP))));
    suites.forEach(([suite], index) => {
      const chosen = group.map((target) => stacks[index]?.[target] ?? []);
      const chosenWidths = group.map((target) => widths[target] ?? 0);
      lines.push(...row(pad(name(suite), first), chosen, chosenWidths, options.paint));
    });
  }
  return lines;
}
