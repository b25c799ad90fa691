import { join } from 'node:path';
import type { CaseResult, Check } from '../harness/contract/result.ts';
import { comparisonLines, MARK } from './comparison.ts';
import { place, STYLE, WORD } from './outcomes.ts';
import type { Paint } from './paint.ts';
import { excerpt, pad, plural, visible, wrap } from './text.ts';

export interface BlockOptions {
  readonly paint: Paint;
  readonly columns: number;
  /** Nothing is cut short. */
  readonly verbose: boolean;
}

/** Place of a failure's evidence: `folder` is the results folder. */
export interface FailureOptions extends BlockOptions {
  readonly folder: string;
}

const LABEL = 8;
const INDENT = 2;
/** Shown unless verbose; the whole is in the evidence. */
const SHORT = { checks: 3, calls: 8, log: 12, lines: 4, item: 2, characters: 2000 };
const LONG = {
  checks: Infinity,
  calls: Infinity,
  log: Infinity,
  lines: Infinity,
  item: Infinity,
  characters: 65_536,
};

/** Writes `label  text` blocks with hanging indent inside the given width. */
class Block {
  readonly lines: string[] = [];
  readonly #options: BlockOptions;
  readonly #limit: typeof SHORT;

  constructor(options: BlockOptions) {
    this.#options = options;
    this.#limit = options.verbose ? LONG : SHORT;
  }

  get limit(): typeof SHORT {
    return this.#limit;
  }

  #label(label: string): string {
    return ' '.repeat(INDENT) + this.#options.paint('dim', pad(label, LABEL)) + '  ';
  }

  /** Wrapped text of at most `most` lines; `style` colours it. */
  add(label: string, text: string, style?: Parameters<Paint>[0], most = this.#limit.lines): void {
    const room = this.#options.columns - INDENT - LABEL - 2;
    const wrapped = wrap(excerpt(text, this.#limit.characters), room);
    const shown = wrapped.slice(0, most);
    const hidden = wrapped.length - shown.length;
    if (hidden > 0) shown.push(`… ${plural(hidden, 'more line')}; -v shows all`);
    shown.forEach((line, index) => {
      const painted = style === undefined ? line : this.#options.paint(style, line);
      this.lines.push(this.#label(index === 0 ? label : '') + painted);
    });
  }

  /** Characters beside the labels. */
  get room(): number {
    return this.#options.columns - INDENT - LABEL - 2;
  }

  /** Lines that are already as wide as they may be; marked ones stand out. */
  table(label: string, lines: readonly string[]): void {
    lines.forEach((line, index) => {
      const text = line.startsWith(MARK) ? this.#options.paint('bad', line) : line;
      this.lines.push(this.#label(index === 0 ? label : '') + text);
    });
  }

  /** Never wrapped or cut: it is there to be copied. */
  whole(label: string, text: string): void {
    this.lines.push(this.#label(label) + visible(text));
  }

  /** The last lines of a list; the label stands at the first. */
  tail(label: string, lines: readonly string[], limit: number): void {
    const shown = lines.slice(-Math.min(limit, lines.length));
    const hidden = lines.length - shown.length;
    if (hidden > 0) this.add(label, `… ${hidden} earlier; -v shows them`, 'dim');
    shown.forEach((line, index) => {
      this.add(index === 0 && hidden === 0 ? label : '', line, undefined, this.#limit.item);
    });
  }
}

function addCheck(block: Block, check: Check, result: CaseResult): void {
  block.add('check', check.name, 'bold');
  block.whole('at', place(check.where ?? result.where));
  check.expected.forEach((expected, index) => {
    block.add(index === 0 ? 'expected' : 'or', expected, 'good');
  });
  block.add('actual', check.actual, 'bad');
  if (check.comparison) block.table('packets', comparisonLines(check.comparison, block.room));
}

/** One failure in full: what is the rule, what was expected, what came, what is missing, how to see it again. */
export function failureBlock(result: CaseResult, options: FailureOptions): string[] {
  const { paint, columns } = options;
  const block = new Block(options);
  const word = pad(WORD[result.outcome], 7);
  wrap(visible(result.id), columns - word.length - 1).forEach((line, index) => {
    const head = index === 0 ? paint(STYLE[result.outcome], word) : ' '.repeat(word.length);
    block.lines.push(`${head} ${paint('bold', line)}`);
  });
  block.add('target', result.attempt > 1 ? `${result.target}, attempt ${result.attempt}` : result.target);
  block.add('rule', result.rule);
  const failed = result.checks.filter((check) => !check.ok);
  // The reason of a plain failure repeats its first check.
  const told = result.outcome === 'fail' && failed.length > 0;
  if (result.reason !== '' && !told) block.add('reason', result.reason);
  for (const check of failed.slice(0, block.limit.checks)) addCheck(block, check, result);
  if (failed.length > block.limit.checks) {
    block.add('', `… ${failed.length - block.limit.checks} more failed checks; -v shows them`, 'dim');
  }
  if (failed.length === 0) block.whole('at', place(result.where));
  for (const { commit, subject, behaviour } of result.missing) {
    block.add('missing', `${commit} ${subject} (${behaviour})`, 'warn');
  }
  if (result.fingerprint !== undefined) block.add('kernel', result.fingerprint, 'bad');
  block.tail('log', result.log ?? [], block.limit.log);
  block.tail('calls', result.calls, block.limit.calls);
  block.whole('rerun', result.rerun);
  block.whole('evidence', join(options.folder, result.evidence));
  if (result.capture !== undefined) block.whole('capture', join(options.folder, result.capture));
  return block.lines;
}
