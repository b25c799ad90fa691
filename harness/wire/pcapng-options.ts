/** Options of pcapng blocks (draft-ietf-opsawg-pcapng, section 3.5): code, length, value padded to 4 bytes; little endian. */

/** Longest value of one option in bytes: its length is a 16-bit number. */
const MAX_VALUE = 65535;
const END: Buffer = Buffer.alloc(4);

/** Fills `bytes` up with zeros to a multiple of 4, as all of pcapng is aligned. */
export function padded(bytes: Buffer): Buffer {
  const missing = -bytes.length & 3;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}

/** One option with a value of at most 65535 bytes. @throws RangeError when it is longer. */
export function option(code: number, value: Buffer): Buffer {
  if (value.length > MAX_VALUE) throw new RangeError(`a pcapng option of ${value.length} bytes`);
  const head = Buffer.alloc(4);
  head.writeUInt16LE(code, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, padded(value)]);
}

/**
 * One option with text: UTF-8, cut to what an option can hold, never inside a character. Control characters other than
 * tab and line feed become U+FFFD: a comment may hold what a device sent, and viewers print it to terminals.
 */
export function textOption(code: number, text: string): Buffer {
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  const harmless = text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/gu, '\ufffd');
  return option(code, cut(Buffer.from(harmless, 'utf8')));
}

/** One option with an unsigned 64-bit number. */
export function u64Option(code: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return option(code, bytes);
}

/** A time as pcapng has it: the upper 32 bits, then the lower, in units of the interface's resolution. */
export function timestamp(value: bigint): Buffer {
  if (value < 0n || value >= 1n << 64n) throw new RangeError(`${value} ns is no time of a capture`);
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(Number(value >> 32n), 0);
  bytes.writeUInt32LE(Number(value & 0xffffffffn), 4);
  return bytes;
}

/** All options of a block with the end mark; nothing at all when there are none. */
export function optionList(options: readonly Buffer[]): Buffer {
  return options.length === 0 ? Buffer.alloc(0) : Buffer.concat([...options, END]);
}

/** At most {@link MAX_VALUE} bytes, ending where a UTF-8 character ends. */
function cut(utf8: Buffer): Buffer {
  if (utf8.length <= MAX_VALUE) return utf8;
  let end = MAX_VALUE;
  while (((utf8[end] ?? 0) & 0xc0) === 0x80) end--;
  return utf8.subarray(0, end);
}
