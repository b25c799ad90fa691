/** What is wrong in a file the user wrote, and where. */
import { distance } from 'fastest-levenshtein';
import type { Location } from '../contract/result.ts';

export interface Problem extends Location {
  /** What was found, without a full stop. */
  readonly message: string;
  /** What would have been right. */
  readonly expected?: string;
  /** A known word close to what was written. */
  readonly near?: string;
}

/** Thrown where planning meets what the suite's author must mend; carries every problem found so far. */
export class ProblemError extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'ProblemError';
    this.problems = problems;
  }
}

/** `suites/a.yaml:3:5: unknown key "sned"; expected one of …; did you mean "send"?` */
export function formatProblem(problem: Problem): string {
  const expected = problem.expected === undefined ? '' : `; expected ${problem.expected}`;
  const near = problem.near === undefined ? '' : `; did you mean ${quote(problem.near)}?`;
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}${expected}${near}`;
}

/** By file, line and column; the same problem said twice in one place is kept once. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const unique = new Map(problems.map((problem) => [formatProblem(problem), problem]));
  return [...unique.values()].sort(
    (a, b) =>
      compare(a.file, b.file) || a.line - b.line || a.column - b.column || compare(a.message, b.message),
  );
}

/** Adds `later` problems, less those at a place that has one already: they are its consequences. */
export function withoutEchoes(first: readonly Problem[], later: readonly Problem[]): Problem[] {
  const place = ({ file, line, column }: Problem): string => `${file}:${line}:${column}`;
  const taken = new Set(first.map(place));
  return [...first, ...later.filter((problem) => !taken.has(place(problem)))];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/**
 * The known word closest to `word`, when it is close enough to be meant: a third of its length, at least 2 edits, or one
 * word within the other. Of equally close ones that with the longer common beginning.
 */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const limit = Math.max(2, Math.floor(word.length / 3));
  const wanted = word.toLowerCase();
  let best: { readonly word: string; readonly cost: number } | undefined;
  for (const candidate of known) {
    const lower = candidate.toLowerCase();
    const edits = distance(wanted, lower);
    const within = wanted.length >= 4 && (lower.includes(wanted) || wanted.includes(lower));
    if ((edits > limit && !within) || edits >= Math.max(candidate.length, word.length)) continue;
    const cost = edits - common(wanted, lower) / 100;
    if (!best || cost < best.cost) best = { word: candidate, cost };
  }
  return best?.word;
}

/** Length of the common beginning. */
function common(a: string, b: string): number {
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return n;
}

/** The `near` of a problem, as a property to spread. */
export function nearHint(word: string, known: Iterable<string>): { near?: string } {
  const near = nearest(word, known);
  return near === undefined ? {} : { near };
}

/** `"text"`, cut at 60 characters, control characters made visible. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

/** `a, b or c`; long lists are cut, as nobody reads them. */
export function oneOf(words: Iterable<string>): string {
  const all = [...words];
  const shown = all.length > 24 ? [...all.slice(0, 23), `${all.length - 23} more`] : all;
  const last = shown.pop() ?? 'nothing';
  return shown.length === 0 ? last : `${shown.join(', ')} or ${last}`;
}

/** What a value is, in words: `nothing`, `the number 6.1`, `a list` … */
export function found(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return `the text ${quote(value)}`;
  return typeof value === 'number' || typeof value === 'boolean'
    ? `the ${typeof value} ${value}`
    : 'something else';
}
