import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { sha256 } from './hash.ts';
import { withLock } from './lock.ts';
import { KernelError, report, type KernelOptions } from './types.ts';

/*
 * A folder of the cache: some content, a manifest of it, and a description. It is filled beside its place and renamed when
 * complete, so a cut-off never leaves half of one; what was damaged afterwards is found by the manifest and made anew.
 */

/** One file; `sha256` is the target if it is a symbolic link. */
interface StoredFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

interface Description<T> {
  readonly about: T;
  readonly files: readonly StoredFile[];
}

/** A whole folder with what was said of it when it was made. */
export interface Cached<T> {
  readonly folder: string;
  readonly about: T;
}

/** How well a folder is looked at: by the size of every file, or by their content. */
export type Depth = 'sizes' | 'content';

const NAME = '.segproof.json';
const FRESH = '.new-';

async function filesBelow(folder: string, prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for (const item of await readdir(join(folder, prefix), { withFileTypes: true }))
    if (item.isDirectory()) found.push(...(await filesBelow(folder, join(prefix, item.name))));
    else found.push(join(prefix, item.name));
  return found;
}

async function measure(folder: string, path: string): Promise<StoredFile> {
  const file = join(folder, path);
  const facts = await lstat(file);
  return {
    path,
    size: facts.size,
    sha256: facts.isSymbolicLink() ? await readlink(file) : await sha256(file),
  };
}

async function readDescription<T>(folder: string): Promise<Description<T> | null> {
  try {
    return JSON.parse(await readFile(join(folder, NAME), 'utf8')) as Description<T>;
  } catch {
    return null;
  }
}

/** What is wrong with a folder, one line each; empty when it is whole. */
export async function damageOf(folder: string, depth: Depth): Promise<string[]> {
  const description = await readDescription(folder);
  if (description === null) return ['its description is missing or damaged'];
  const damage: string[] = [];
  for (const expected of description.files)
    try {
      const { size } = await lstat(join(folder, expected.path));
      if (size !== expected.size) damage.push(`${expected.path}: ${size} bytes instead of ${expected.size}`);
      else if (depth === 'content' && (await measure(folder, expected.path)).sha256 !== expected.sha256)
        damage.push(`${expected.path}: its content has changed`);
    } catch {
      damage.push(`${expected.path}: missing`);
    }
  return damage;
}

/** What is said of the folder, whole or not; null when there is nothing readable. */
export async function aboutFolder<T>(folder: string): Promise<T | null> {
  return (await readDescription<T>(folder))?.about ?? null;
}

/** The folder, or null when it is not there or (by sizes) not whole. */
export async function openFolder<T>(folder: string): Promise<Cached<T> | null> {
  if ((await damageOf(folder, 'sizes')).length > 0) return null;
  const about = await aboutFolder<T>(folder);
  return about === null ? null : { folder, about };
}

/**
 * The folder, made by `fill` when it is not there or not whole. Only one process makes it, others wait and then use it.
 * @param fill puts content into the folder it is given and returns what is to be said of it
 */
export async function ensureFolder<T>(
  folder: string,
  options: KernelOptions,
  fill: (folder: string) => Promise<T>,
): Promise<Cached<T>> {
  const there = await openFolder<T>(folder);
  if (there !== null) return there;
  return withLock(`${folder}.lock`, `it prepares ${basename(folder)} too`, options, async () => {
    const other = await openFolder<T>(folder);
    if (other !== null) return other;
    const damaged = (await lstat(folder).catch(() => null)) !== null;
    if (damaged) report(options, 'note', `${folder} is damaged and made anew`);
    await removeLeftovers(folder);
    const fresh = `${folder}${FRESH}${randomBytes(4).toString('hex')}`;
    await mkdir(fresh, { recursive: true });
    try {
      const about = await fill(fresh);
      const files: StoredFile[] = [];
      for (const path of await filesBelow(fresh)) files.push(await measure(fresh, path));
      await writeFile(join(fresh, NAME), JSON.stringify({ about, files } satisfies Description<T>));
      await rm(folder, { recursive: true, force: true });
      await rename(fresh, folder);
      return { folder, about };
    } catch (cause) {
      await remove(fresh);
      if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
      throw new KernelError(69, `${folder}: the file system is full`, '`segproof kernels prune` makes room');
    }
  });
}

/** Remove a folder into which an orphaned apt may still be writing its last file. */
const remove = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });

/** Remove what makers of this folder left behind when they were cut off. The caller holds its lock. */
async function removeLeftovers(folder: string): Promise<void> {
  const prefix = basename(folder) + FRESH;
  for (const name of await readdir(dirname(folder)))
    if (name.startsWith(prefix)) await remove(join(dirname(folder), name));
}
