import { writeSync } from 'node:fs';

/** Lines longer than this in bytes get memory of their own. */
const SCRATCH = 256 * 1024;

/** UTF-8 takes at most this many bytes for each unit of a string. */
const WIDEST = 3;

let scratch: Buffer | undefined;

/**
 * Writes all of a text to a file, at once.
 * A run writes thousands of lines of a few kilobytes: memory of its own for each would cost more than the writing.
 */
export function writeText(fd: number, text: string): void {
  let bytes: Buffer;
  if (text.length * WIDEST <= SCRATCH) {
    scratch ??= Buffer.allocUnsafeSlow(SCRATCH);
    bytes = scratch.subarray(0, scratch.write(text));
  } else bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
