/** The Internet checksum, RFC 1071. */

/** Adds up 16-bit words in network order from `from` to `to`; an odd last byte counts as its high byte. Not folded. */
export function sum16(bytes: Buffer, from: number, to: number, start = 0): number {
  let sum = start;
  const even = from + ((to - from) & ~1);
  for (let at = from; at < even; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  if (even < to) sum += (bytes[even] ?? 0) << 8;
  return sum;
}

/** Folds a sum to 16 bits: 0xffff means that a checksum included in it is right. */
export function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = Math.floor(folded / 0x10000) + (folded & 0xffff);
  return folded;
}
