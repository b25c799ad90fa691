/** Text and numbers as C has them. Nothing that a case holds can end a string or a comment, whatever it is. */

/** Widest line of a comment, in characters. */
const COMMENT_WIDTH = 76;

/** A string literal. Non-ASCII bytes are octal escapes; `?` is escaped so that no trigraph can come about. */
export function cString(text: string): string {
  let out = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const char = String.fromCharCode(byte);
    if (char === '\n') out += '\\n';
    else if (char === '"' || char === '\\' || char === '?') out += `\\${char}`;
    else if (byte < 0x20 || byte >= 0x7f) out += `\\${byte.toString(8).padStart(3, '0')}`;
    else out += char;
  }
  return `"${out}"`;
}

/** What a comment may hold: one line, no ends or beginnings of comments, nothing invisible (-Wbidi-chars, -Wtrigraphs). */
export function commentText(text: string): string {
  return text
    .replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll('*/', '* /')
    .replaceAll('/*', '/ *')
    .replace(/\?(?=\?)/gu, '? ')
    .trim();
}

/** Lines of a block comment's body, wrapped; the first begins with `label`, the others are indented below it. */
export function commentLines(label: string, text: string): string[] {
  const lines: string[] = [];
  let line = label;
  for (const word of commentText(text).split(/\s+/u)) {
    const separator = line === '' || line.endsWith(' ') ? '' : ' ';
    if (line.length + separator.length + word.length > COMMENT_WIDTH && line.trim() !== '') {
      lines.push(line.trimEnd());
      line = ' '.repeat(label.length) + word;
    } else line += separator + word;
  }
  return [...lines, line.trimEnd()].map((each) => (each === '' ? ' *' : ` * ${each}`));
}

/** An array initialiser; long runs of one number become a range, as in `{ [0 ... 1023] = 1, 5 }`. */
export function cInts(numbers: readonly number[]): string {
  const items: string[] = [];
  for (let at = 0; at < numbers.length;) {
    let end = at + 1;
    while (numbers[end] === numbers[at]) end++;
    const value = String(numbers[at] ?? 0);
    if (end - at > 4) items.push(`[${at} ... ${end - 1}] = ${value}`);
    else for (let i = at; i < end; i++) items.push(value);
    at = end;
  }
  return `{ ${items.join(', ')} }`;
}

/** Bytes as the operand of a pointer: `(unsigned char[4]){ 0x01, 0xff }`. `room`: size of the array, zeros behind. */
export function cBytes(bytes: Buffer, room = bytes.length): string {
  if (room === 0) return '""';
  const items = [...bytes].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`);
  return `(unsigned char[${room}]){ ${items.length === 0 ? '0' : items.join(', ')} }`;
}

/** `prefix` and the name as far as it can be an identifier, e.g. `sk_tx_2`. */
export function cName(prefix: string, name: string): string {
  return `${prefix}_${name.replace(/[^A-Za-z0-9]/gu, '_')}`;
}

/** `[1472]`, or `[44 * 1472, 739]`: equal neighbours folded. */
export function foldedList(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < numbers.length;) {
    let end = at + 1;
    while (numbers[end] === numbers[at]) end++;
    parts.push(end - at > 1 ? `${end - at} * ${numbers[at] ?? 0}` : String(numbers[at] ?? 0));
    at = end;
  }
  return `[${parts.join(', ')}]`;
}
