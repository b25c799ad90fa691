import type { TextOptions } from './behaviours.ts';
import { painter } from './paint.ts';
import { table, type TextCell } from './table.ts';
import { clip, plural, visible } from './text.ts';

export interface ListedCase {
  /** Slug inside its suite. */
  readonly name: string;
  readonly rule: string;
  readonly tags: readonly string[];
  /** Full ids of its variants. */
  readonly ids: readonly string[];
}

export interface ListedSuite {
  readonly name: string;
  readonly title: string;
  readonly tags: readonly string[];
  readonly cases: readonly ListedCase[];
}

function variants(suite: ListedSuite): number {
  return suite.cases.reduce((sum, { ids }) => sum + ids.length, 0);
}

function tagged(tags: readonly string[]): string {
  return tags.map((tag) => ` @${tag}`).join('');
}

function caseRow({ name, rule, tags, ids }: ListedCase): TextCell[] {
  return [
    { text: visible(name) },
    { text: String(ids.length).padStart(4), style: 'dim' },
    { text: visible(rule + tagged(tags)), style: 'dim' },
  ];
}

/** Suites with their cases and counts of variants: `segproof list`. */
export function formatList(suites: readonly ListedSuite[], options: TextOptions): string {
  const paint = painter(options.colour);
  const { columns } = options;
  const blocks = suites.flatMap((suite) => [
    paint('bold', clip(visible(suite.name), columns)),
    clip(visible(`  ${suite.title}${tagged(suite.tags)}`), columns),
    ...table(suite.cases.map(caseRow), { paint, columns, indent: 4 }),
    '',
  ]);
  const cases = suites.reduce((sum, suite) => sum + suite.cases.length, 0);
  const all = suites.reduce((sum, suite) => sum + variants(suite), 0);
  const counts = [plural(suites.length, 'suite'), plural(cases, 'case'), plural(all, 'variant')];
  return [...blocks, counts.join(', '), ''].join('\n');
}

/** One id per line and nothing else, for shells: `segproof list --ids`. */
export function formatIds(suites: readonly ListedSuite[]): string {
  const ids = suites.flatMap((suite) => suite.cases.flatMap((one) => one.ids));
  return ids.map((id) => `${visible(id)}\n`).join('');
}
