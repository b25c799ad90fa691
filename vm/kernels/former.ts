/**
 * Releases that the signed index no longer lists though the pool still holds them. A listed neighbour tells what Debian calls
 * them; that they are Debian's is told by the Secure Boot signature of the image, made by whoever signed an image that the index
 * vouches for; and the image's own key tells which modules belong to it.
 */
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder, openFolder, type Cached } from './cache-folder.ts';
import { fetchRelease, takeModules, type Release } from './debian.ts';
import { keyOf } from './hash.ts';
import { downloadUnlisted, type Unlisted } from './pool.ts';
import { signerOf } from './secure-boot.ts';
import { storedKernels, storeFolder, type StoredKernel } from './store.ts';
import { arrange, imagesIn } from './tree.ts';
import { KernelError, report, type KernelOptions } from './types.ts';
import { unpackDeb } from './unpack.ts';
import { seriesOf } from './version.ts';
import { ensurePrograms } from '../tools.ts';

/** A release by its name, and the listed one that it was told by. */
export interface Former {
  readonly release: string;
  readonly version: string;
  readonly upstream: string;
  readonly neighbour: Release;
}

/**
 * What the release `text` (upstream version, Debian version or `uname -r`) was called, by a listed one of its series; null when
 * that cannot be told: before 6.12 Debian numbers its builds apart from their versions (6.1.0-56 is 6.1.192).
 */
export function formerOf(text: string, releases: readonly Release[]): Former | null {
  const asked = text.replace(/^debian:/, '');
  const upstream = /^\d+\.\d+\.\d+/.exec(asked)?.[0];
  if (upstream === undefined) return null;
  const neighbours = releases
    .filter((one) => one.series === seriesOf(upstream) && one.flavour === '')
    .filter((one) => one.release.startsWith(`${one.upstream}+`) || one.release.startsWith(`${one.upstream}-`))
    // `-1` says less than `-1~bpo12+1` or `-2`.
    .sort((a, b) => extra(a) - extra(b));
  for (const neighbour of neighbours) {
    const release = neighbour.release.replace(neighbour.upstream, upstream);
    const version = neighbour.version.replace(neighbour.upstream, upstream);
    if ([upstream, version, release].includes(asked)) return { release, version, upstream, neighbour };
  }
  return null;
}

/** How much of its version Debian has added. */
const extra = ({ version, upstream }: Release): number => version.length - upstream.length;

/** The packages that it consists of, image first. */
function packagesOf({ release, version, neighbour }: Former): readonly Unlisted[] {
  const { suite, packages } = neighbour;
  const part = (name: string, source: string): Unlisted => ({ name: name + release, version, source, suite });
  const split = packages.some(({ name }) => name.startsWith('linux-binary-'));
  return split
    ? [part('linux-binary-', 'linux-signed-amd64'), part('linux-modules-', 'linux')]
    : [part('linux-image-', 'linux-signed-amd64')];
}

/**
 * Fetch it from the pool, verified.
 * @throws NotInPool, KernelError (69)
 */
export async function fetchFormer(former: Former, options: KernelOptions): Promise<Cached<StoredKernel>> {
  const { release, version, upstream, neighbour } = former;
  const subject = `Debian ${version}`;
  const verified = options.unverified !== true;
  const key = keyOf(['former', release, version, String(verified)]);
  return ensureFolder(storeFolder(release, key), options, async (folder): Promise<StoredKernel> => {
    if (options.offline === true)
      throw new KernelError(69, `${subject}: not in the cache`, 'run `segproof kernels fetch` while online');
    await ensurePrograms(['depmod', 'xz', 'zstd'], options);
    const scratch = join(folder, '.former');
    await mkdir(scratch);
    for (const item of packagesOf(former)) {
      const deb = await downloadUnlisted(item, scratch, options);
      report(options, 'unpack', `unpacking ${item.name}`);
      await unpackDeb(deb, scratch);
      await rm(deb);
    }
    const [image] = await imagesIn(scratch);
    if (image === undefined) throw new KernelError(69, `${subject}: there is no kernel image in it`);
    if (verified) await verifyImage(join(scratch, image), subject, neighbour, options);
    const place = `vmlinuz-${release}`;
    await mkdir(join(folder, 'boot'));
    await rename(join(scratch, image), join(folder, 'boot', place));
    await takeModules({ image: join(folder, 'boot', place), scratch, folder, subject, verified }, options);
    await rm(scratch, { recursive: true });
    const { image: arranged, facts, hasModules } = await arrange(folder, subject, options);
    if (facts.release !== release || facts.version !== version)
      throw new KernelError(
        69,
        `${subject}: its image says ${facts.release}, Debian ${facts.version ?? 'unknown'} instead`,
      );
    return {
      ...{ schema: 1, release, upstream, version, banner: facts.banner, source: 'pool', origin: 'debian' },
      ...{ image: arranged, hasModules, verified, packages: [], created: new Date().toISOString() },
    };
  });
}

/** @throws KernelError (69) when it is not signed by who signs for Debian */
async function verifyImage(
  image: string,
  subject: string,
  neighbour: Release,
  options: KernelOptions,
): Promise<void> {
  const advice = 'nothing else vouches for it: --unverified takes it as it is';
  const signer = signerOf(await readFile(image));
  if (signer === null)
    throw new KernelError(69, `${subject}: its image has no whole Secure Boot signature`, advice);
  report(options, 'note', `${subject}: checking the Secure Boot signature of its image (${signer.subject})`);
  for await (const trusted of trustedImages(neighbour, options))
    if (signerOf(await readFile(trusted))?.raw.equals(signer.raw) === true) return;
  throw new KernelError(
    69,
    `${subject}: its image is signed by ${signer.subject}, who signed no image that the index vouches for`,
    advice,
  );
}

/** Images that the signed index vouches for: those at hand, then the neighbour's, which may have to be fetched. */
async function* trustedImages(neighbour: Release, options: KernelOptions): AsyncGenerator<string> {
  for (const { folder, about } of await storedKernels()) {
    if (about.origin !== 'debian' || about.packages.length === 0) continue;
    if ((await openFolder<StoredKernel>(folder)) !== null) yield join(folder, about.image);
  }
  const { folder, about } = await fetchRelease(neighbour, options);
  yield join(folder, about.image);
}
