/** Which variants a command line means: ids, folders of ids, `*` patterns, `@tag`. */
import { distance } from 'fastest-levenshtein';

export interface Selectable {
  readonly id: string;
  readonly tags: readonly string[];
}

/** A selection that matches nothing: the user must know, or a typo would pass as success. */
export class NothingSelected extends Error {}

/**
 * Keeps what any of the patterns matches; no pattern means everything. A pattern is a whole id, a path above it
 * (`udp-gso`, `udp-gso/limits`, `udp-gso/limits/over-max-segments`), either with `*` for any text, or `@tag`.
 * Throws {@link NothingSelected} for each pattern without a match.
 */
export function select<T extends Selectable>(items: readonly T[], patterns: readonly string[]): T[] {
  if (patterns.length === 0) return [...items];
  const chosen = new Set<T>();
  for (const pattern of patterns) {
    const matches = matcher(pattern);
    const found = items.filter(matches);
    if (found.length === 0) throw new NothingSelected(nothing(pattern, items));
    for (const item of found) chosen.add(item);
  }
  return items.filter((item) => chosen.has(item));
}

/** Whether a pattern (see {@link select}) means an item. */
export function matcher(pattern: string): (item: Selectable) => boolean {
  if (pattern.startsWith('@')) {
    const tag = pattern.slice(1);
    return (item) => item.tags.includes(tag);
  }
  const text = pattern.replace(/\/+$/, '');
  const source = text.split('*').map(escape).join('.*');
  const regexp = new RegExp(`^${source}(?:$|[/[].*)`);
  return (item) => regexp.test(item.id);
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function nothing(pattern: string, items: readonly Selectable[]): string {
  const known = pattern.startsWith('@')
    ? [...new Set(items.flatMap((item) => item.tags))].map((tag) => `@${tag}`)
    : [...new Set(items.flatMap((item) => [item.id, ...parents(item.id)]))];
  const near = known.map((name) => [distance(pattern, name), name] as const).sort((a, b) => a[0] - b[0])[0];
  const hint = near && near[0] <= Math.max(3, pattern.length / 3) ? `did you mean ${near[1]}? ` : '';
  return `no case matches ${JSON.stringify(pattern)}: ${hint}\`segproof list\` shows what there is`;
}

function parents(id: string): string[] {
  const path = (id.split('[')[0] ?? '').split('/');
  return path.map((_, i) => path.slice(0, i + 1).join('/'));
}
