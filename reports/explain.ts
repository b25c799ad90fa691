import type { TextOptions } from './behaviours.ts';
import { painter } from './paint.ts';
import { visible, wrap } from './text.ts';

/** What `segproof explain ID` says. Lines starting with blanks keep them, also where they are wrapped. */
export interface ExplainDocument {
  readonly title: string;
  readonly sections: readonly { readonly heading: string; readonly lines: readonly string[] }[];
}

const INDENT = 2;

function indented(line: string, columns: number): string[] {
  const own = /^ */.exec(line)?.[0] ?? '';
  const lead = ' '.repeat(INDENT) + own;
  const room = Math.max(20, columns - lead.length - 2);
  return wrap(visible(line.slice(own.length)), room).map(
    (text, index) => lead + (index === 0 ? '' : '  ') + text,
  );
}

/** The document as text; sections without lines are left out. */
export function formatExplain(document: ExplainDocument, options: TextOptions): string {
  const paint = painter(options.colour);
  const sections = document.sections
    .filter(({ lines }) => lines.length > 0)
    .flatMap(({ heading, lines }) => [
      '',
      paint('bold', visible(heading)),
      ...lines.flatMap((line) => indented(line, options.columns)),
    ]);
  const title = wrap(visible(document.title), options.columns).map((line) => paint('bold', line));
  return [...title, ...sections, ''].join('\n');
}
