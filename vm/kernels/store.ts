import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { aboutFolder, type Cached } from './cache-folder.ts';
import { kernelStore } from './paths.ts';

/** What is kept about an unpacked kernel. */
export interface StoredKernel {
  readonly schema: 1;
  readonly release: string;
  readonly upstream: string | null;
  /** Package version, e.g. `6.12.95-1`. */
  readonly version: string | null;
  /** Version line of the boot image, with `uname -v`. */
  readonly banner: string;
  /** Where it is from: a Debian suite, or the name of a package file. */
  readonly source: string;
  readonly origin: 'debian' | 'package' | 'mainline';
  /** Boot image, relative to the folder. */
  readonly image: string;
  readonly hasModules: boolean;
  /** False when something of it was taken without a signature, by the user's wish. */
  readonly verified?: boolean;
  readonly packages: readonly { readonly name: string; readonly version: string; readonly sha256: string }[];
  /** When it was unpacked, ISO 8601. */
  readonly created: string;
}

/** Folder of a kernel in the store: readable by its name, unique by its key. */
export function storeFolder(name: string, key: string): string {
  return join(kernelStore(), `${name.replace(/[^\w.+-]/g, '_')}_${key}`);
}

/** All kernels of the store whose description is readable, whole or not. */
export async function storedKernels(): Promise<Cached<StoredKernel>[]> {
  const names = await readdir(kernelStore()).catch(() => []);
  const found: Cached<StoredKernel>[] = [];
  for (const name of names.filter((candidate) => /_[0-9a-f]{16}$/.test(candidate)).sort()) {
    const folder = join(kernelStore(), name);
    const about = await aboutFolder<StoredKernel>(folder);
    if (about !== null) found.push({ folder, about });
  }
  return found;
}
