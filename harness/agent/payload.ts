/**
 * Payload bytes as a function of case, stream and position, so that a lost, doubled, moved or flipped byte can be named.
 * Every stream is a window of one pool: no byte is computed or copied per send, which matters in an emulated guest.
 *
 * The pool is a row of blocks of 256 bytes, each a different permutation of 0..255: two bytes of one block always differ,
 * so that even one-byte segments that changed places are told apart, and any 8 bytes tell where they come from.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Longest stream in bytes: twice what any datagram can hold. */
export const MAX_STREAM = 131072;

const BLOCK = 256;
const BLOCKS = 4096;
const POOL = BLOCK * BLOCKS;
/** Streams start in the first half of a block: up to 128 one-byte segments (UDP_MAX_SEGMENTS) lie in one permutation. */
const STARTS = 129;
/** Odd, so that no two of the first 4096 streams start in the same block, and above 65535 / 256. */
const STREAM_STRIDE = 257;

/** Blocks computed at a time, those of every step once. */
const ROW_BLOCKS = 128;
const ROW = BLOCK * ROW_BLOCKS;
const ROWS = BLOCKS / ROW_BLOCKS;

const pool = Buffer.allocUnsafeSlow(POOL + ROW + MAX_STREAM);
/** Rows of the pool that have been computed. */
const made = new Set<number>();
/** Where the whole pool has been written, read at the first payload. */
let stored: string | null = null;

/** The bytes of one stream; a view that nobody may write to. `stream` and `seed` are integers from 0. */
export function payload(seed: number, stream: number, length: number): Buffer {
  if (!Number.isInteger(length) || length < 0 || length > MAX_STREAM)
    throw new RangeError(`a payload of ${length} bytes: only 0 to ${MAX_STREAM} can be made`);
  const mixed = mix(seed);
  const block = ((mixed % BLOCKS) + stream * STREAM_STRIDE) % BLOCKS;
  const start = block * BLOCK + ((mixed >>> 12) % STARTS);
  if (stored !== null) readPool();
  for (let row = Math.floor(start / ROW); row * ROW < start + length; row++) makeRow(row);
  return pool.subarray(start, start + length);
}

/** Where the build keeps the whole pool, in its folder. */
export const poolFile = (folder: string): string => join(folder, 'payload.pool');

/** The whole pool, for {@link usePool}. */
export function wholePool(): Buffer {
  for (let row = 0; row * ROW < pool.length; row++) makeRow(row);
  return pool;
}

/** Takes the pool from a file in place of computing it, which takes an emulated guest half a second; if it can be read. */
export function usePool(path: string): void {
  stored = path;
}

function readPool(): void {
  try {
    const whole = readFileSync(stored ?? '');
    if (whole.length !== pool.length) return;
    whole.copy(pool);
    for (let row = 0; row * ROW < pool.length; row++) made.add(row);
  } catch {
    // Then it is computed.
  } finally {
    stored = null;
  }
}

/**
 * Row 0 is computed byte by byte: its blocks go through one permutation in different (odd) steps, so that each visits every
 * index once. The others differ from it by a mask, and behind the last one the first ones come again. All by need: an emulated
 * guest takes seconds for the whole pool.
 */
function makeRow(row: number): void {
  if (made.has(row)) return;
  made.add(row);
  if (row === 0) makeFirstRow();
  else {
    makeRow(0);
    const mask = Math.imul(8 * (row % ROWS), 0x01010101);
    const words = new Int32Array(pool.buffer, row * ROW, Math.min(ROW, pool.length - row * ROW) / 4);
    for (let at = 0; at < words.length; at++) words[at] = (firstRow[at] ?? 0) ^ mask;
  }
}

const firstRow = new Int32Array(pool.buffer, 0, ROW / 4);

function makeFirstRow(): void {
  const base = shuffled();
  for (let block = 0; block < ROW_BLOCKS; block++) {
    const step = 2 * block + 1;
    let index = mix(block) & 255;
    for (let at = block * BLOCK; at < (block + 1) * BLOCK; at++) {
      pool[at] = (base[index] ?? 0) ^ (block & 7);
      index = (index + step) & 255;
    }
  }
}

/** One fixed random permutation of 0..255 (Fisher-Yates). */
function shuffled(): Uint8Array {
  const bytes = Uint8Array.from({ length: BLOCK }, (_, index) => index);
  for (let last = BLOCK - 1; last > 0; last--) {
    const other = mix(last) % (last + 1);
    [bytes[last], bytes[other]] = [bytes[other] ?? 0, bytes[last] ?? 0];
  }
  return bytes;
}

/** Finaliser of MurmurHash3: every input bit changes every output bit. 0..2^32-1. */
function mix(value: number): number {
  let hash = (value + 0x9e3779b9) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
