import { mkdir, statfs } from 'node:fs/promises';
import { ensureFolder, type Cached } from './cache-folder.ts';
import { downloadInto, megabytes } from './download.ts';
import { keyOf } from './hash.ts';
import type { Package, PackageIndex } from './packages.ts';
import { kernelStore } from './paths.ts';
import { storeFolder, type StoredKernel } from './store.ts';
import { arrange } from './tree.ts';
import { KernelError, type KernelOptions } from './types.ts';
import { compareDebian, seriesOf, upstreamOfDebian } from './version.ts';

/** A kernel that Debian's archive serves: which packages make it up. */
export interface Release {
  /** `uname -r`. */
  readonly release: string;
  /** Debian version, e.g. `6.12.95-1`. */
  readonly version: string;
  readonly upstream: string;
  readonly series: string;
  readonly suite: string;
  readonly packages: readonly Package[];
  /** Package that the archive no longer has though this kernel needs it; null when it can be fetched. */
  readonly missing: string | null;
}

/**
 * Kernels of an index, newest first. One package holds image and modules up to 6.18; from 6.19 on `linux-image-*` is
 * empty and depends on `linux-binary-*`, `linux-modules-*` and `linux-base-*`, which the archive drops at different times.
 * Of a signed and an unsigned package, which are otherwise the same, the signed one is taken.
 */
export function releasesOf(index: PackageIndex): Release[] {
  const byId = new Map(index.packages.map((item) => [`${item.name} ${item.version}`, item]));
  const found = new Map<string, Release>();
  for (const item of index.packages) {
    const match = /^linux-image-(.+-amd64?)(-unsigned)?$/.exec(item.name);
    const upstream = upstreamOfDebian(item.version);
    // A package that only depends on another image (linux-image-6.1-amd64) has no kernel of its own.
    if (match?.[1] === undefined || upstream === null || /\blinux-image-\d/.test(item.depends)) continue;
    const release = match[1];
    const id = `${release} ${item.version}`;
    if (found.has(id) && match[2] !== undefined) continue;
    const names = /\blinux-binary-/.test(item.depends)
      ? ['linux-binary-', 'linux-modules-', 'linux-base-'].map((prefix) => prefix + release)
      : [item.name];
    const packages = names.map((name) => byId.get(`${name} ${item.version}`));
    const missing = names.find((_, at) => packages[at] === undefined) ?? null;
    found.set(id, {
      ...{ release, version: item.version, upstream, series: seriesOf(upstream), suite: item.suite, missing },
      packages: packages.filter((one) => one !== undefined),
    });
  }
  return [...found.values()].sort((a, b) => compareDebian(b.version, a.version));
}

/** Folder of the store where this kernel is or would be. */
export function folderOf(release: Release): string {
  return storeFolder(release.release, keyOf(release.packages.map(({ sha256 }) => sha256)));
}

/**
 * The kernel from the store, fetched when it is not there.
 * @throws KernelError (69) when it cannot be fetched, or is not there and `offline` is set
 */
export async function fetchRelease(release: Release, options: KernelOptions): Promise<Cached<StoredKernel>> {
  return ensureFolder(folderOf(release), options, async (folder): Promise<StoredKernel> => {
    const subject = `Debian ${release.version}`;
    if (options.offline === true)
      throw new KernelError(69, `${subject}: not in the cache`, 'run `segproof kernels fetch` while online');
    await demandSpace(release);
    await downloadInto(folder, release.packages, options);
    const { image, facts, hasModules } = await arrange(folder, subject, options);
    if (facts.release !== release.release)
      throw new KernelError(69, `${subject}: its image says ${facts.release} instead of ${release.release}`);
    return {
      ...{ schema: 1, release: release.release, upstream: release.upstream, version: release.version },
      ...{ banner: facts.banner, source: release.suite, origin: 'debian', image, hasModules },
      packages: release.packages.map(({ name, version, sha256 }) => ({ name, version, sha256 })),
      created: new Date().toISOString(),
    };
  });
}

/** Refuse before a long download what would not fit. */
async function demandSpace(release: Release): Promise<void> {
  await mkdir(kernelStore(), { recursive: true });
  const { bavail, bsize } = await statfs(kernelStore());
  const needed = release.packages.reduce(
    (sum, { size, installedSize }) => sum + size + installedSize * 1024,
    0,
  );
  if (bavail * bsize > needed) return;
  throw new KernelError(
    69,
    `Debian ${release.version}: needs ${megabytes(needed)} in ${kernelStore()}, ${megabytes(bavail * bsize)} are free`,
    '`segproof kernels prune` makes room; XDG_CACHE_HOME puts the cache elsewhere',
  );
}
