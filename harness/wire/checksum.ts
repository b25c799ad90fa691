/** The Internet checksum, RFC 1071. */

/** Below this many bytes a view of them costs more than it saves. */
const SHORT = 64;

/** Adds up 16-bit words in network order from `from` to `to`; an odd last byte counts as its high byte. Not folded. */
export function sum16(bytes: Buffer, from: number, to: number, start = 0): number {
  const words = (to - from) >> 1;
  const even = from + 2 * words;
  const odd = even < to ? (bytes[even] ?? 0) << 8 : 0;
  const at = bytes.byteOffset + from;
  if (to - from < SHORT || at % 2 !== 0) {
    let sum = start + odd;
    for (let i = from; i < even; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
    return sum;
  }
  // The sum of byte-swapped words is the byte-swapped sum (RFC 1071, 2B), so the host's little endian words will do.
  let sum = 0;
  for (const word of new Uint16Array(bytes.buffer, at, words)) sum += word;
  const folded = fold(sum);
  return start + odd + (((folded & 0xff) << 8) | (folded >> 8));
}

/** Folds a sum to 16 bits: 0xffff means that a checksum included in it is right. */
export function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = Math.floor(folded / 0x10000) + (folded & 0xffff);
  return folded;
}
