/** Text from guests, kernels and devices is hostile: nothing of it may steer a terminal or break out of a format. */

/** Controls, format characters (bidi, zero width), lone surrogates, marks, private and unassigned characters. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}\p{M}]/gu;

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' };

function escape(character: string): string {
  const named = NAMED[character];
  if (named !== undefined) return named;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
}

/** The text on one line with everything that is not plainly printable spelt out: `\x1b`, `\n`, `\ud800`. */
export function visible(text: string): string {
  return text.replace(UNSAFE, escape);
}

/** Columns a visible character takes. From U+1100 on most scripts are wide; U+2000–2E7F is punctuation, arrows, boxes. */
function charWidth(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x1100) return 1;
  return code >= 0x2000 && code < 0x2e80 ? 1 : 2;
}

/** Columns that visible text takes; wide characters count as two. */
export function width(text: string): number {
  let sum = 0;
  for (const character of text) sum += charWidth(character);
  return sum;
}

/** Cuts visible text to `columns` columns; the cut is marked by `…`. */
export function clip(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += charWidth(character);
    if (used > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Like {@link clip}, but cuts in the middle: ids differ at their end, in the variant. */
export function clipMiddle(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  const head = clip(text, Math.ceil(columns / 2));
  const room = columns - width(head);
  let tail = '';
  let used = 0;
  for (const character of Array.from(text).reverse()) {
    used += charWidth(character);
    if (used > room) break;
    tail = character + tail;
  }
  return head + tail;
}

/** Pads visible text with blanks up to `columns` columns. */
export function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - width(text)));
}

/** Cuts visible text into lines of at most `columns` columns, at blanks where that is possible. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && width(line) + 1 + width(word) <= columns) {
      line += ` ${word}`;
      continue;
    }
    // A word that fits no line starts on this one; every other starts a new line.
    if (line !== '' && width(word) > columns && width(line) + 1 < columns) line += ' ';
    else if (line !== '') {
      lines.push(line);
      line = '';
    }
    for (const character of word) {
      if (width(line) + charWidth(character) > columns) {
        lines.push(line);
        line = '';
      }
      line += character;
    }
  }
  if (line !== '' || lines.length === 0) lines.push(line);
  return lines;
}

/** Visible text of at most `limit` characters; says how many were left out. */
export function excerpt(text: string, limit: number): string {
  const shown = visible(text.length > limit ? text.slice(0, limit) : text);
  return text.length > limit ? `${shown}… (${text.length - limit} more characters)` : shown;
}

/** `1 case`, `2 cases`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
