/** Reads DER (ITU-T X.690), the encoding of certificates and signatures, as far as module signatures need it. */

/** One element: its tag byte, its content, and where it ends in the data it was read from. */
export interface Element {
  readonly tag: number;
  readonly content: Buffer;
  readonly end: number;
}

export const TAG = {
  integer: 0x02,
  octets: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
} as const;

/** The element at `at`; null when there is none that is whole. Lengths over 4 bytes are none that we could meet. */
export function element(data: Buffer, at = 0): Element | null {
  const [tag, first] = [data[at], data[at + 1]];
  if (tag === undefined || first === undefined) return null;
  const longer = first & 0x80 ? first & 0x7f : 0;
  if (longer > 4 || at + 2 + longer > data.length) return null;
  const length = longer === 0 ? first : data.readUIntBE(at + 2, longer);
  const start = at + 2 + longer;
  if (start + length > data.length) return null;
  return { tag, content: data.subarray(start, start + length), end: start + length };
}

/** The elements that follow each other in `data`, up to the first that is not whole. */
export function elements(data: Buffer): Element[] {
  const found: Element[] = [];
  for (let next = element(data); next !== null; next = element(data, next.end)) found.push(next);
  return found;
}
