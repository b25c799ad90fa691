import { mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ensureFolder, type Cached } from './cache-folder.ts';
import { downloadInto, megabytes } from './download.ts';
import { keyOf } from './hash.ts';
import type { Package, PackageIndex } from './packages.ts';
import { kernelStore } from './paths.ts';
import { downloadUnlisted, type Unlisted } from './pool.ts';
import { storeFolder, type StoredKernel } from './store.ts';
import { arrange, imagesIn } from './tree.ts';
import { KernelError, report, type KernelOptions } from './types.ts';
import { unpackDeb } from './unpack.ts';
import { verifyModules } from './verify-modules.ts';
import { compareDebian, seriesOf, upstreamOfDebian } from './version.ts';
import { ensurePrograms } from '../tools.ts';

/** A kernel that Debian's archive serves: which packages make it up. */
export interface Release {
  /** `uname -r`. */
  readonly release: string;
  /** Debian version, e.g. `6.12.95-1`. */
  readonly version: string;
  readonly upstream: string;
  readonly series: string;
  /** `cloud`, `rt`, or empty for the plain one. */
  readonly flavour: string;
  readonly suite: string;
  readonly packages: readonly Package[];
  /** Its modules, when the index no longer lists them; the pool may still hold them. */
  readonly unlisted: Unlisted | null;
  /** Package that the archive no longer has though this kernel needs it; null when it can be fetched. */
  readonly missing: string | null;
}

/** Flavour that a `uname -r` of Debian names: `cloud` (without 9p), `rt`, or none. */
export const flavourOf = (release: string): string => /-(cloud|rt)-amd64$/.exec(release)?.[1] ?? '';

/**
 * Kernels of an index, newest first. One package holds image and modules up to 6.18; from 6.19 on `linux-image-*` is
 * empty and depends on `linux-binary-*`, `linux-modules-*` and `linux-base-*`, which the archive drops at different times:
 * the signed linux-binary has a source package of its own, which outlives the others by months. linux-base holds no more
 * than lists that are made anew here.
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
    const [image = '', modules] = names;
    const { version, suite } = item;
    found.set(id, {
      ...{ release, version, upstream, series: seriesOf(upstream), suite },
      flavour: flavourOf(release),
      missing: packages[0] === undefined ? image : null,
      unlisted:
        modules === undefined || packages[1] !== undefined
          ? null
          : { name: modules, version, source: 'linux', suite },
      packages: packages.filter((one) => one !== undefined),
    });
  }
  return [...found.values()].sort((a, b) => compareDebian(b.version, a.version));
}

/** Folder of the store where this kernel is or would be. What was taken unverified has a place of its own. */
export function folderOf(release: Release, options: KernelOptions = {}): string {
  const { packages, unlisted } = release;
  const unvouched =
    unlisted === null ? [] : [unlisted.name + (options.unverified === true ? ' unverified' : '')];
  return storeFolder(release.release, keyOf([...packages.map(({ sha256 }) => sha256), ...unvouched]));
}

/**
 * The kernel from the store, fetched when it is not there.
 * @throws KernelError (69) when it cannot be fetched, or is not there and `offline` is set
 */
export async function fetchRelease(release: Release, options: KernelOptions): Promise<Cached<StoredKernel>> {
  return ensureFolder(folderOf(release, options), options, async (folder): Promise<StoredKernel> => {
    const subject = `Debian ${release.version}`;
    if (options.offline === true)
      throw new KernelError(69, `${subject}: not in the cache`, 'run `segproof kernels fetch` while online');
    await demandSpace(release);
    await ensurePrograms(release.unlisted === null ? ['depmod'] : ['depmod', 'xz', 'zstd'], options);
    await downloadInto(folder, release.packages, options);
    const vouched =
      release.unlisted === null || (await addUnlisted(release.unlisted, folder, subject, options));
    const { image, facts, hasModules } = await arrange(folder, subject, options);
    if (facts.release !== release.release)
      throw new KernelError(69, `${subject}: its image says ${facts.release} instead of ${release.release}`);
    return {
      ...{ schema: 1, release: release.release, upstream: release.upstream, version: release.version },
      ...{ banner: facts.banner, source: release.suite, origin: 'debian', image, hasModules },
      verified: vouched,
      packages: release.packages.map(({ name, version, sha256 }) => ({ name, version, sha256 })),
      created: new Date().toISOString(),
    };
  });
}

/**
 * Add modules from the pool to an image from the signed index. Nothing but modules is taken, since the kernel's key vouches
 * for nothing else.
 * @returns whether they were verified
 */
async function addUnlisted(
  unlisted: Unlisted,
  folder: string,
  subject: string,
  options: KernelOptions,
): Promise<boolean> {
  const [image] = await imagesIn(folder);
  const scratch = join(folder, '.unlisted');
  await mkdir(scratch);
  const deb = await downloadUnlisted(unlisted, scratch, options);
  report(options, 'unpack', `unpacking ${unlisted.name}`);
  await unpackDeb(deb, scratch, 'modules');
  const verified = options.unverified !== true && image !== undefined;
  await takeModules({ image: join(folder, image ?? ''), scratch, folder, subject, verified }, options);
  await rm(scratch, { recursive: true });
  return verified;
}

/** Move modules from a scratch folder beside their image, if `verified` only those that its key vouches for, and nothing else. */
export async function takeModules(
  {
    image,
    scratch,
    folder,
    subject,
    verified,
  }: { image: string; scratch: string; folder: string; subject: string; verified: boolean },
  options: KernelOptions,
): Promise<void> {
  if (verified) {
    report(options, 'note', `${subject}: checking its modules against the key in its kernel`);
    await verifyModules(image, scratch, subject);
  } else report(options, 'note', `${subject}: its modules are NOT verified, as told by --unverified`);
  for (const root of ['lib/modules', 'usr/lib/modules'].map((path) => join(scratch, path)))
    for (const item of await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])) {
      if (!item.isFile() || !/\.ko(\.\w+)?$/.test(item.name)) continue;
      const to = join(folder, 'lib/modules', relative(root, item.parentPath));
      await mkdir(to, { recursive: true });
      await rename(join(item.parentPath, item.name), join(to, item.name));
    }
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
