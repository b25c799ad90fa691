/** Proves that the modules of a tree were built together with its kernel. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { uncompressedKernel } from '../guest/vmlinux.ts';
import { TOOL_PATH } from './exec.ts';
import { certificateIn, isSignedBy, signatureOf } from './module-signature.ts';
import { KernelError } from './types.ts';

/** Unpackers that run at once: more than that gain nothing on few cores. */
const AT_ONCE = 4;
/** Largest module accepted, in bytes unpacked; the largest ones of graphics cards have 25 MB. */
const MAX_BYTES = 1 << 28;

const UNPACKERS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  '.xz': ['xz', '-dc'],
  '.zst': ['zstd', '-dcq'],
};

async function unpacked(file: string): Promise<Buffer> {
  const [, packing = ''] = /\.ko(\.\w+)?$/.exec(file) ?? [];
  if (packing === '') return readFile(file);
  if (packing === '.gz') return gunzipSync(await readFile(file));
  const [tool, ...args] = UNPACKERS[packing] ?? [];
  if (tool === undefined) throw new KernelError(65, `${file}: packed in an unknown way`);
  const options = {
    encoding: 'buffer' as const,
    maxBuffer: MAX_BYTES,
    env: { ...process.env, PATH: TOOL_PATH },
  };
  return (await promisify(execFile)(tool, [...args, file], options)).stdout;
}

const ADVICE =
  'the archive no longer vouches for these modules, so nothing else does: --unverified takes them as they are';

/**
 * Check the signature of every module below `folder` against the key that is built into the kernel.
 * @param image boot image that is trusted already
 * @returns how many were checked
 * @throws KernelError (69) naming the first module that is not signed, or not by that key
 */
export async function verifyModules(image: string, folder: string, subject: string): Promise<number> {
  const kernel = uncompressedKernel(await readFile(image));
  if (kernel === null)
    throw new KernelError(
      69,
      `${subject}: its image cannot be unpacked to read the key of its modules`,
      'install with: apt-get install zstd xz-utils',
    );
  const files = (await readdir(folder, { recursive: true }))
    .filter((name) => /\.ko(\.\w+)?$/.test(name))
    .map((name) => join(folder, name));
  const trusted = new Map<string, ReturnType<typeof certificateIn>>();
  const queue = [...files];
  const check = async (file: string): Promise<void> => {
    const refuse = (why: string): never => {
      throw new KernelError(69, `${subject}: ${relative(folder, file)} ${why}`, ADVICE);
    };
    const data = await unpacked(file).catch((cause: unknown) => {
      if (cause instanceof KernelError) throw cause;
      return refuse('is damaged');
    });
    const signature = signatureOf(data) ?? refuse('is not signed');
    const serial = signature.serial.toString('hex');
    if (!trusted.has(serial)) trusted.set(serial, certificateIn(kernel, signature.serial));
    const certificate = trusted.get(serial) ?? refuse('is signed by a key that the kernel does not know');
    if (!isSignedBy(signature, certificate)) refuse('is not what its signature was made for');
  };
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) await check(file);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return files.length;
}
