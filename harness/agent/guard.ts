/**
 * koffi turns 1.5 into 1, 2^40 into 0 and trusts every length it is told, without a word. A wrong number would become a
 * different system call or write past a buffer, so nothing reaches it unchecked.
 */

const fail = (what: string, value: unknown, range: string): never => {
  throw new RangeError(`${what} is ${String(value)}, not ${range}`);
};

/** C int: -2^31 .. 2^31-1. */
export function int32(value: number, what: string): number {
  return (value | 0) === value ? value : fail(what, value, 'a 32-bit integer');
}

/** C unsigned int: 0 .. 2^32-1. */
export function uint32(value: number, what: string): number {
  return value >>> 0 === value ? value : fail(what, value, 'an unsigned 32-bit integer');
}

/** A file descriptor: 0 .. 2^31-1. */
export function descriptor(value: number, what: string): number {
  return (value | 0) === value && value >= 0 ? value : fail(what, value, 'a file descriptor');
}

/** A byte count that the buffer can hold. */
export function within(length: number, buffer: Buffer, what: string): number {
  return (length | 0) === length && length >= 0 && length <= buffer.length
    ? length
    : fail(what, length, `a length from 0 to the buffer's ${buffer.length} bytes`);
}
