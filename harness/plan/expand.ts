/** Axes to variants. */
import type { Value } from '../load/cel.ts';
import type { Axes, Exclude } from '../load/schema/common.ts';

export interface Variant {
  /** `suite/case[axis=value,…]` */
  readonly id: string;
  readonly values: Readonly<Record<string, Value>>;
}

export interface Expansion {
  readonly variants: readonly Variant[];
  /** How many combinations each exclude left out. */
  readonly excluded: readonly number[];
}

/** Most combinations of one case before excludes, and most variants of a project. */
export const MAX_VARIANTS = 20_000;

/** Number of combinations of the axes. */
export function combinations(axes: Axes): number {
  return Object.values(axes).reduce((product, values) => product * values.length, 1);
}

/** Every combination, the last axis changing fastest, without those an exclude matches. */
export function expand(caseId: string, axes: Axes, excludes: Exclude): Expansion {
  const excluded = excludes.map(() => 0);
  const named = Object.keys(axes)
    .filter((name) => (axes[name]?.length ?? 0) > 1)
    .sort();
  let rows: Record<string, Value>[] = [{}];
  for (const [name, values] of Object.entries(axes)) {
    rows = rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value })));
  }
  const variants = rows.filter((row) => {
    const hits = excludes.map((entry) => matches(entry, row));
    for (const [i, hit] of hits.entries()) if (hit) excluded[i] = (excluded[i] ?? 0) + 1;
    return !hits.includes(true);
  });
  return { variants: variants.map((values) => ({ id: variantId(caseId, named, values), values })), excluded };
}

function variantId(
  caseId: string,
  named: readonly string[],
  values: Readonly<Record<string, Value>>,
): string {
  if (named.length === 0) return caseId;
  return `${caseId}[${named.map((name) => `${name}=${String(values[name])}`).join(',')}]`;
}

function matches(entry: Exclude[number], row: Readonly<Record<string, Value>>): boolean {
  return Object.entries(entry).every(([name, wanted]) => {
    const value = row[name];
    return value !== undefined && (Array.isArray(wanted) ? wanted.includes(value) : wanted === value);
  });
}
