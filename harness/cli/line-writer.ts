import { stripVTControlCharacters } from 'node:util';

/** Characters that could paint or move about the terminal: all below the blank but tabs, and DEL. */
const isPlain = (char: string): boolean => (char >= ' ' || char === '\t') && char !== '\u007f';

/** Whole lines of several writers on one stream, each line with its writer's name before it. */
export class LineWriter {
  readonly #out: { write(text: string): unknown };
  readonly #prefix: string;
  #rest = '';

  constructor(out: { write(text: string): unknown }, prefix: string) {
    this.#out = out;
    this.#prefix = prefix;
  }

  /** Text in pieces of any size. Nothing of it controls the terminal, whatever a guest says. */
  write(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const plain = Array.from(stripVTControlCharacters(line)).filter(isPlain).join('');
      this.#out.write(`${this.#prefix}${plain}\n`);
    }
  }
}
