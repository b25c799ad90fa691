/** Stretches of a datagram's bytes. */
import type { Slice } from '../contract/expectation.ts';

/** Bytes in all. */
export function sum(payload: readonly Slice[]): number {
  return payload.reduce((total, { length }) => total + length, 0);
}

/** `[from, to)` of a datagram's bytes. */
export function cut(payload: readonly Slice[], from: number, to: number): Slice[] {
  const parts: Slice[] = [];
  let start = 0;
  for (const { stream, at, length } of payload) {
    const first = Math.max(from, start);
    const last = Math.min(to, start + length);
    if (first < last) parts.push({ stream, at: at + first - start, length: last - first });
    start += length;
  }
  return parts;
}
