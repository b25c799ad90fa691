import type { Paint } from './paint.ts';
import { clip, pad, width } from './text.ts';

export interface TextCell {
  /** Visible text; see text.ts. */
  readonly text: string;
  readonly style?: Parameters<Paint>[0];
}

/** Columns separated by two blanks, each as wide as its widest cell; the last one is cut at the right edge. */
export function table(
  rows: readonly (readonly TextCell[])[],
  options: { readonly paint: Paint; readonly columns: number; readonly indent?: number },
): string[] {
  const count = Math.max(0, ...rows.map((cells) => cells.length));
  const widths = Array.from({ length: count }, (_, index) =>
    Math.max(0, ...rows.map((cells) => width(cells[index]?.text ?? ''))),
  );
  const indent = ' '.repeat(options.indent ?? 0);
  return rows.map((cells) => {
    let left = options.columns - indent.length;
    const parts: string[] = [];
    cells.forEach(({ text, style }, index) => {
      if (left <= 0) return;
      const last = index === cells.length - 1;
      const shown = clip(text, left);
      const padding = last ? '' : pad(shown, widths[index] ?? 0).slice(shown.length);
      parts.push((style === undefined ? shown : options.paint(style, shown)) + padding);
      left -= (widths[index] ?? 0) + 2;
    });
    return (indent + parts.join('  ')).trimEnd();
  });
}
