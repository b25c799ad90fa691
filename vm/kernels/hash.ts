import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** Files up to this size are read at once: a stream costs far more than the hash of a kernel module. */
const SMALL_BYTES = 4 << 20;

/** SHA-256 of a file's content, hexadecimal. */
export async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  if ((await stat(file)).size <= SMALL_BYTES) return hash.update(await readFile(file)).digest('hex');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** One key for a set of hashes, whatever their order. */
export function keyOf(hashes: readonly string[]): string {
  return createHash('sha256')
    .update([...hashes].sort().join('\n'))
    .digest('hex')
    .slice(0, 16);
}
