/** System calls as text, in the manner of strace(1). */
import { errnoName } from '../abi/errno.ts';

/** ` = 0`, ` = -1 EMSGSIZE`. `ret` as in sys.ts. */
export function result(ret: number): string {
  return ret < 0 ? ` = -1 ${errnoName(-ret)}` : ` = ${ret}`;
}

/** What StepEvidence says of a return value. */
export function outcome(ret: number): { ret: number; errno?: string } {
  return ret < 0 ? { ret: -1, errno: errnoName(-ret) } : { ret };
}

/**
 * The calls of one step. Equal calls in a row are counted, not repeated: a receive of 45 equal segments is one line
 * and `45 times`.
 */
export class CallLog {
  readonly #lines: string[] = [];
  #repeats = 1;

  add(line: string): void {
    if (this.#lines.length > 0 && this.#lines[this.#lines.length - 1] === line) {
      this.#repeats++;
      return;
    }
    this.#close();
    this.#lines.push(line);
  }

  /** The same call once more. */
  repeat(): void {
    this.#repeats++;
  }

  get lines(): readonly string[] {
    this.#close();
    return this.#lines;
  }

  #close(): void {
    const last = this.#lines.length - 1;
    if (this.#repeats > 1) this.#lines[last] = `${this.#lines[last] ?? ''}   (${this.#repeats} times)`;
    this.#repeats = 1;
  }
}
