import { fetchRelease, flavourOf, folderOf, releasesOf, type Release } from './debian.ts';
import { openFolder, type Cached } from './cache-folder.ts';
import { NotServed } from './download.ts';
import { resolvePath, resolveRunningImage } from './local.ts';
import { fetchFormer, formerOf } from './former.ts';
import { resolveMainline } from './mainline.ts';
import { mayHaveMore, packageIndex, type PackageIndex } from './packages.ts';
import { NotInPool } from './pool.ts';
import { FORMS, parseSpec, type Spec } from './spec.ts';
import { storedKernels, type StoredKernel } from './store.ts';
import { kernelOf } from './stored.ts';
import { KernelError, report, type Kernel, type KernelOptions } from './types.ts';
import { compareDebian, compareSeries, seriesOf } from './version.ts';

/**
 * The kernel that a `--kernel` argument names, fetched and unpacked if need be.
 * @throws KernelError when it names no kernel (65) or this machine cannot get it (69)
 */
export async function resolveKernel(text: string, options: KernelOptions = {}): Promise<Kernel> {
  const spec = parseSpec(text);
  if (spec.kind === 'path') return resolvePath(spec.path, options);
  if (spec.kind === 'running-image') return resolveRunningImage(options);
  if (spec.kind === 'mainline') return resolveMainline(spec.version, options);
  const { wanted, matches } = whatFits(spec);
  const index = await packageIndex(options).catch((cause: unknown) => {
    if (cause instanceof KernelError) return cause;
    throw cause;
  });
  if (index instanceof KernelError)
    return (await newestStored(matches, wanted, options, index.message)) ?? fail(index);
  const releases = releasesOf(index);
  const served = releases.filter(matches);
  const candidates = served.filter(({ missing }) => missing === null);
  // What the index vouches for goes before what has to be proven by other means.
  candidates.sort((a, b) => Number(a.unlisted !== null) - Number(b.unlisted !== null));
  if (candidates.length === 0 && mayHaveMore(index, options))
    return resolveKernel(text, { ...options, refresh: true });
  if (candidates.length === 0)
    return (
      (await newestStored(matches, wanted, options, 'the archive serves it no longer')) ??
      (await fromPool(text, releases, options)) ??
      fail(unknown(text, served, releases, index))
    );
  const fetched = await fetchFirst(candidates, options);
  if (!(fetched instanceof KernelError)) return kernelOf(fetched, wanted);
  // The archive may have replaced the package since the index was read.
  const outdated = fetched instanceof NotServed || fetched instanceof NotInPool;
  if (outdated && options.refresh !== true && options.offline !== true) {
    report(options, 'note', fetched.message);
    return resolveKernel(text, { ...options, refresh: true });
  }
  return (await newestStored(matches, wanted, options, fetched.message)) ?? fail(fetched);
}

/** A release that the index has dropped and the pool has not; null when it is in neither, or its name cannot be told. */
async function fromPool(
  text: string,
  releases: readonly Release[],
  options: KernelOptions,
): Promise<Kernel | null> {
  const former = formerOf(text, releases);
  if (former === null) return null;
  try {
    return kernelOf(await fetchFormer(former, options), text.replace(/^debian:/, ''));
  } catch (cause) {
    if (!(cause instanceof NotInPool)) throw cause;
    report(options, 'note', cause.message);
    return null;
  }
}

/** The first release that can be had; of several only those are passed over whose modules the pool has dropped too. */
async function fetchFirst(
  candidates: readonly Release[],
  options: KernelOptions,
): Promise<Cached<StoredKernel> | KernelError> {
  let failure = new KernelError(69, 'nothing to fetch');
  for (const release of candidates)
    try {
      return await fetchRelease(release, options);
    } catch (cause) {
      if (!(cause instanceof KernelError)) throw cause;
      failure = cause;
      if (!(cause instanceof NotInPool)) break;
      report(options, 'note', cause.message);
    }
  return failure;
}

/** What the kernel will be called, and which kernels it can be. A flavour is only taken when it is asked for. */
function whatFits(spec: Extract<Spec, { kind: 'series' | 'release' }>): {
  wanted: string;
  matches: (kernel: Named) => boolean;
} {
  if (spec.kind === 'release')
    return { wanted: spec.text, matches: (kernel) => isRelease(kernel, spec.text) };
  const { series, flavour = '' } = spec;
  return {
    wanted: flavour === '' ? series : `${series}-${flavour}`,
    matches: ({ upstream, release }) => seriesOf(upstream ?? '') === series && flavourOf(release) === flavour,
  };
}

interface Named {
  readonly release: string;
  readonly version: string | null;
  readonly upstream: string | null;
}

const isRelease = (kernel: Named, text: string): boolean =>
  kernel.release === text ||
  (flavourOf(kernel.release) === '' && (kernel.upstream === text || kernel.version === text));

function fail(error: KernelError): never {
  throw error;
}

/** The newest kernel of the store that fits, for when the archive cannot be asked or has dropped it. */
async function newestStored(
  matches: (kernel: StoredKernel) => boolean,
  name: string,
  options: KernelOptions,
  why: string,
): Promise<Kernel | null> {
  const allowed = (about: StoredKernel): boolean => about.verified !== false || options.unverified === true;
  const fitting = (await storedKernels()).filter(
    ({ about }) => about.origin === 'debian' && allowed(about) && matches(about),
  );
  fitting.sort((a, b) => compareDebian(b.about.version ?? '', a.about.version ?? ''));
  for (const { folder } of fitting) {
    const stored = await openFolder<StoredKernel>(folder);
    if (stored === null) continue;
    report(options, 'note', `${name}: using ${stored.about.version ?? folder} from the cache: ${why}`);
    return kernelOf(stored, name);
  }
  return null;
}

/** The error for a version that cannot be fetched, with what can be. */
function unknown(
  text: string,
  served: readonly Release[],
  all: readonly Release[],
  index: PackageIndex,
): KernelError {
  const [incomplete] = served;
  const left = index.refused.map(({ what, why }) => `\n${what} could not be read: ${why}`).join('');
  if (incomplete?.missing != null)
    return new KernelError(
      69,
      `kernel ${text}: Debian ${incomplete.version} cannot be fetched: the archive has dropped ${incomplete.missing}`,
      `a snapshot of the archive may still have it (SEGPROOF_DEBIAN_MIRROR); available: ${seriesIn(all).join(', ')}${left}`,
    );
  const series = seriesOf(text.replace(/^debian:/, ''));
  const same = all.filter((release) => release.series === series && isOffered(release));
  const near = [...new Set(same.map(({ upstream }) => upstream))];
  const choice =
    near.length > 0
      ? `releases of ${series}: ${near.join(', ')}`
      : `series available: ${seriesIn(all).join(', ')}`;
  return new KernelError(
    65,
    `kernel ${text}: Debian's archive does not serve it`,
    `${choice}${left}\n${FORMS}`,
  );
}

const seriesIn = (releases: readonly Release[]): string[] =>
  [...new Set(releases.filter(isOffered).map(({ series }) => series))].sort(compareSeries);

/** Whether lists show it: it can be fetched, and is of no flavour. */
const isOffered = ({ missing, flavour }: Release): boolean => missing === null && flavour === '';

/** One line of `segproof kernels list`. */
export interface Series {
  readonly series: string;
  /** Releases that can be fetched, newest first. */
  readonly releases: readonly { readonly release: Release; readonly cached: boolean }[];
}

/** Series that can be fetched with their releases, and whether each is in the cache already. */
export async function listSeries(options: KernelOptions = {}): Promise<Series[]> {
  const releases = releasesOf(await packageIndex(options));
  const cached = new Set((await storedKernels()).map(({ folder }) => folder));
  return seriesIn(releases).map((series) => ({
    series,
    releases: releases
      .filter((release) => release.series === series && isOffered(release))
      .map((release) => ({ release, cached: cached.has(folderOf(release, options)) })),
  }));
}
