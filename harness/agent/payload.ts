/**
 * Payload bytes as a function of case, stream and position, so that a lost, doubled, moved or flipped byte can be named.
 * Every stream is a window of one pool: no byte is computed or copied per send, which matters in an emulated guest.
 *
 * The pool is a row of blocks of 256 bytes, each a different permutation of 0..255: two bytes of one block always differ,
 * so that even one-byte segments that changed places are told apart, and any 8 bytes tell where they come from.
 */

/** Longest stream in bytes: twice what any datagram can hold. */
export const MAX_STREAM = 131072;

const BLOCK = 256;
const BLOCKS = 4096;
const POOL = BLOCK * BLOCKS;
/** Streams start in the first half of a block: up to 128 one-byte segments (UDP_MAX_SEGMENTS) lie in one permutation. */
const STARTS = 129;
/** Odd, so that no two of the first 4096 streams start in the same block, and above 65535 / 256. */
const STREAM_STRIDE = 257;

let pool: Buffer | undefined;

/** The bytes of one stream; a view that nobody may write to. `stream` and `seed` are integers from 0. */
export function payload(seed: number, stream: number, length: number): Buffer {
  if (!Number.isInteger(length) || length < 0 || length > MAX_STREAM)
    throw new RangeError(`a payload of ${length} bytes: only 0 to ${MAX_STREAM} can be made`);
  pool ??= makePool();
  const mixed = mix(seed);
  const block = ((mixed % BLOCKS) + stream * STREAM_STRIDE) % BLOCKS;
  const start = block * BLOCK + ((mixed >>> 12) % STARTS);
  return pool.subarray(start, start + length);
}

/** The pool, its head repeated at the end so that no stream has to wrap. */
function makePool(): Buffer {
  const bytes = Buffer.allocUnsafeSlow(POOL + BLOCK + MAX_STREAM);
  const base = shuffled();
  for (let block = 0; block < BLOCKS; block++) {
    // (step, mask) differs from block to block; an odd step visits every index once.
    const step = 2 * (block & 127) + 1;
    const mask = ((block >> 7) * 8 + (block & 7)) & 255;
    let index = mix(block) & 255;
    for (let at = block * BLOCK; at < (block + 1) * BLOCK; at++) {
      bytes[at] = (base[index] ?? 0) ^ mask;
      index = (index + step) & 255;
    }
  }
  bytes.copy(bytes, POOL, 0, BLOCK + MAX_STREAM);
  return bytes;
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
