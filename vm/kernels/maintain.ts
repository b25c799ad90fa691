import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pruneBootFiles } from '../guest/boot-files.ts';
import { damageOf } from './cache-folder.ts';
import { ifUnlocked } from './lock.ts';
import { kernelStore } from './paths.ts';
import { storedKernels, type StoredKernel } from './store.ts';
import { compareDebian, seriesOf } from './version.ts';

/** A kernel of the cache as `segproof kernels verify` and `prune` tell it. */
export interface Checked {
  readonly folder: string;
  readonly about: StoredKernel;
  /** What is wrong with it; empty when it is whole. */
  readonly damage: readonly string[];
}

/** Compare every file of every cached kernel with the hash it had when it was unpacked. */
export async function verifyKernels(): Promise<Checked[]> {
  const checked: Checked[] = [];
  for (const stored of await storedKernels())
    checked.push({ ...stored, damage: await damageOf(stored.folder, 'content') });
  return checked;
}

/**
 * Remove cached kernels: all, all but the newest of each series, or those that verifyKernels finds damaged (which are then
 * made anew when they are next asked for); and whatever cut-off work has left.
 * @returns folders that were removed
 */
export async function pruneKernels(keep: 'newest' | 'whole' | 'none'): Promise<string[]> {
  const kept = new Map<string, StoredKernel & { folder: string }>();
  const stored = await storedKernels();
  if (keep === 'newest')
    for (const { folder, about } of stored) {
      const series = about.origin === 'debian' ? seriesOf(about.upstream ?? '') : folder;
      const other = kept.get(series);
      if (other === undefined || compareDebian(about.version ?? '', other.version ?? '') > 0)
        kept.set(series, { ...about, folder });
    }
  const keeping = new Set([...kept.values()].map(({ folder }) => folder));
  if (keep === 'whole')
    for (const { folder, damage } of await verifyKernels()) if (damage.length === 0) keeping.add(folder);
  const removed: string[] = [];
  for (const name of await readdir(kernelStore()).catch(() => [])) {
    const folder = join(kernelStore(), name);
    if (keeping.has(folder) || name.endsWith('.lock')) continue;
    // What a cut-off maker left is removed too; a maker at work holds the lock, and its folder is then left alone.
    await ifUnlocked(`${join(kernelStore(), name.replace(/\.new-[0-9a-f]+$/, ''))}.lock`, async () => {
      await rm(folder, { recursive: true, force: true });
      removed.push(folder);
    });
  }
  pruneBootFiles(new Set((await storedKernels()).map(({ about }) => about.release)));
  return removed;
}
