/** Names received bytes: which stream of this case they are, from where on, or that they belong to none. */
import type { Run } from '../contract/evidence.ts';
import { payload } from './payload.ts';

/** Fewer bytes than this occur in more than one place by chance. */
const NEEDLE = 8;
/** Most searches over all streams for one datagram; beyond them the rest is called foreign. */
const MAX_SEARCHES = 64;
/** Foreign bytes kept of one stretch: of a datagram, and of a captured packet, which is to be put together again. */
const FOREIGN_KEPT = 32;
export const FOREIGN_CAPTURED = 4096;

interface Stream {
  readonly stream: number;
  readonly bytes: Buffer;
}

/** Where the next byte is expected: index into the delivered streams, position in it. */
export interface Cursor {
  index: number;
  at: number;
}

/** What a case has sent so far. */
export class Ledger {
  readonly #seed: number;
  /** Streams whose send succeeded, in order: their bytes are expected one after another. */
  readonly #delivered: Stream[] = [];
  /** All streams tried, those whose send failed too. */
  readonly #tried: Stream[] = [];

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Records a send. `length` in bytes: what was handed to the kernel. */
  sent(stream: number, length: number, succeeded: boolean): void {
    const entry = { stream, bytes: payload(this.#seed, stream, length) };
    this.#tried.push(entry);
    if (succeeded) this.#delivered.push(entry);
  }

  /** The stream whose bytes are expected next. */
  streamAt({ index }: Cursor): number | undefined {
    return this.#delivered[index]?.stream;
  }

  /**
   * Where the next expected bytes begin, when they are exactly those of `bytes` from `from` to `to`; moves `cursor` behind them.
   * What {@link explain} says at more length, and undefined for everything else.
   */
  next(bytes: Buffer, from: number, to: number, cursor: Cursor): { stream: number; at: number } | undefined {
    const entry = this.#delivered[cursor.index];
    const { at } = cursor;
    const end = at + to - from;
    if (!entry || from >= to || end > entry.bytes.length) return undefined;
    if (entry.bytes.compare(bytes, from, to, at, end) !== 0) return undefined;
    if (end === entry.bytes.length) {
      cursor.index++;
      cursor.at = 0;
    } else cursor.at = end;
    return { stream: entry.stream, at };
  }

  /** Splits `bytes` into runs and moves `cursor` behind what was recognised. */
  explain(bytes: Buffer, cursor: Cursor, kept = FOREIGN_KEPT): Run[] {
    const runs: Run[] = [];
    let at = this.#follow(bytes, 0, cursor, runs);
    let searches = 0;
    let foreignFrom = at;
    while (at < bytes.length) {
      const found = this.#inPlace(bytes, at, foreignFrom, cursor) ?? this.#search(bytes, at, searches++);
      if (!found) {
        at = searches >= MAX_SEARCHES ? bytes.length : at + 1;
        continue;
      }
      if (at > foreignFrom) runs.push(foreign(bytes.subarray(foreignFrom, at), kept));
      const length = common(found.bytes, found.at, bytes, at);
      runs.push({ stream: found.stream, at: found.at, length });
      at += length;
      this.#moveTo(cursor, found.stream, found.at + length);
      at = this.#follow(bytes, at, cursor, runs);
      foreignFrom = at;
    }
    if (foreignFrom < bytes.length) runs.push(foreign(bytes.subarray(foreignFrom), kept));
    return runs;
  }

  /** Takes as many bytes as are exactly the expected ones; returns how far it came. */
  #follow(bytes: Buffer, from: number, cursor: Cursor, runs: Run[]): number {
    let at = from;
    for (;;) {
      const entry = this.#delivered[cursor.index];
      if (!entry || at === bytes.length) return at;
      const length = common(entry.bytes, cursor.at, bytes, at);
      if (length > 0) runs.push({ stream: entry.stream, at: cursor.at, length });
      at += length;
      cursor.at += length;
      if (cursor.at < entry.bytes.length) return at;
      cursor.index++;
      cursor.at = 0;
    }
  }

  /** After some wrong bytes the expected ones go on as if nothing had been inserted or lost. */
  #inPlace(bytes: Buffer, at: number, foreignFrom: number, cursor: Cursor): Found | undefined {
    const entry = this.#delivered[cursor.index];
    const place = cursor.at + at - foreignFrom;
    if (!entry || at === foreignFrom || place >= entry.bytes.length) return undefined;
    const needed = Math.min(NEEDLE, bytes.length - at, entry.bytes.length - place);
    return common(entry.bytes, place, bytes, at, needed) === needed ? { ...entry, at: place } : undefined;
  }

  #search(bytes: Buffer, at: number, searches: number): Found | undefined {
    if (searches >= MAX_SEARCHES) return undefined;
    const needle = bytes.subarray(at, at + NEEDLE);
    // Datagrams begin where streams do far more often than elsewhere; short ones could be found anywhere.
    for (const entry of this.#tried) {
      if (entry.bytes.length >= needle.length && common(entry.bytes, 0, needle, 0) === needle.length)
        return { ...entry, at: 0 };
    }
    for (const entry of this.#tried) {
      const place = entry.bytes.indexOf(needle);
      if (place >= 0) return { ...entry, at: place };
    }
    return undefined;
  }

  #moveTo(cursor: Cursor, stream: number, at: number): void {
    const index = this.#delivered.findIndex((entry) => entry.stream === stream);
    if (index < 0) return;
    cursor.index = index;
    cursor.at = at;
    if (at >= (this.#delivered[index]?.bytes.length ?? 0)) {
      cursor.index++;
      cursor.at = 0;
    }
  }
}

interface Found extends Stream {
  readonly at: number;
}

function foreign(bytes: Buffer, kept: number): Run {
  return { foreign: bytes.toString('hex', 0, kept), length: bytes.length };
}

/** How many bytes of `a` from `aFrom` and `b` from `bFrom` on are equal, at most `limit`. */
function common(a: Buffer, aFrom: number, b: Buffer, bFrom: number, limit = Infinity): number {
  const length = Math.min(a.length - aFrom, b.length - bFrom, limit);
  if (length <= 0) return 0;
  if (a.compare(b, bFrom, bFrom + length, aFrom, aFrom + length) === 0) return length;
  let at = 0;
  while (a[aFrom + at] === b[bFrom + at]) at++;
  return at;
}
