/** Which bytes arrive: the successful sends of a case as one sequence, and a cursor that reads along it. */
import type { Slice } from '../contract/expectation.ts';

interface Sent {
  readonly stream: number;
  readonly length: number;
  readonly ok: boolean;
}

/** What the sends of a case have handed to the kernel so far. */
export class Streams {
  readonly #sent: Sent[] = [];

  get count(): number {
    return this.#sent.length;
  }

  add(stream: number, length: number, ok: boolean): void {
    this.#sent.push({ stream, length, ok });
  }

  /** A cursor at the beginning of send `from`, counted from 0 over all sends, refused ones too. */
  cursor(from = this.count): Cursor {
    return new Cursor(this.#sent, from);
  }
}

export class Cursor {
  readonly #sent: readonly Sent[];
  #send: number;
  #at = 0;

  constructor(sent: readonly Sent[], send: number) {
    this.#sent = sent;
    this.#send = send;
  }

  /** Moves to the beginning of a send; false when there was none or it was refused. */
  seek(send: number): boolean {
    [this.#send, this.#at] = [send, 0];
    return this.#sent[send]?.ok === true;
  }

  /** Reads `length` bytes on and returns the first `keep` of them; null when less than that was sent. */
  take(length: number, keep: number): Slice[] | null {
    const slices: Slice[] = [];
    let left = length;
    let kept = 0;
    while (left > 0) {
      const sent = this.#sent[this.#send];
      if (!sent) return null;
      const part = sent.ok ? Math.min(left, sent.length - this.#at) : 0;
      const wanted = Math.min(part, keep - kept);
      if (wanted > 0) slices.push({ stream: sent.stream, at: this.#at, length: wanted });
      kept += wanted;
      left -= part;
      this.#at += part;
      if (left > 0) [this.#send, this.#at] = [this.#send + 1, 0];
    }
    return slices;
  }
}
