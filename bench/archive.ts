/** Packages that only benchmarks need, from the same signed archive that kernels come from; nothing is installed. */
import { join } from 'node:path';
import { apt, configureApt } from '../vm/kernels/apt.ts';
import { ensureFolder } from '../vm/kernels/cache-folder.ts';
import { keyOf } from '../vm/kernels/hash.ts';
import { packageIndex, withApt, type Package } from '../vm/kernels/packages.ts';
import { cacheRoot } from '../vm/kernels/paths.ts';
import { KernelError, type KernelOptions } from '../vm/kernels/types.ts';
import { compareDebian } from '../vm/kernels/version.ts';

/** A package that the index serves, before its hash is looked up. */
interface Served {
  readonly name: string;
  readonly version: string;
  readonly suite: string;
}

/** Lines of `apt-cache madison`: ` name | version | uri suite/component arch Packages`. */
export const parseMadison = (text: string): Served[] =>
  text.split('\n').flatMap((line) => {
    const [name = '', version = '', place = ''] = line.split('|').map((part) => part.trim());
    const suite = /^\S+ ([^/\s]+)\/\S+ \S+ Packages$/.exec(place)?.[1];
    return suite === undefined ? [] : [{ name, version, suite }];
  });

/**
 * The newest package whose name matches, with its hash from the signed index.
 * @param names regular expression for the whole name, as apt-cache has it
 * @param suite only from this suite (and its updates), since a newer one's programs need a newer C library; null: any
 * @throws KernelError (69) when the archive has none
 */
export async function newestPackage(
  names: string,
  suite: string | null,
  options: KernelOptions,
): Promise<Package> {
  // Not for its result: it makes the index that apt-cache reads.
  await packageIndex(options);
  return withApt(options, async () => {
    await configureApt();
    const listed = await apt('apt-cache', ['pkgnames']);
    const wanted = listed.stdout.split('\n').filter((name) => new RegExp(`^(?:${names})$`).test(name));
    const served = wanted.length === 0 ? '' : (await apt('apt-cache', ['madison', ...wanted])).stdout;
    const best = parseMadison(served)
      .filter((item) => suite === null || item.suite.startsWith(suite))
      .sort((a, b) => compareDebian(b.version, a.version))[0];
    if (best === undefined)
      throw new KernelError(
        69,
        `${names}: no such package in Debian's archive${suite === null ? '' : ` (${suite})`}`,
      );
    const { stdout } = await apt('apt-cache', ['show', `${best.name}=${best.version}`]);
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(stdout)?.[1] ?? '';
    return {
      ...best,
      ...{ sha256: field('SHA256'), depends: field('Depends') },
      ...{ size: Number(field('Size')), installedSize: Number(field('Installed-Size')) },
    };
  });
}

/**
 * A folder of the cache made from a package, once.
 * @param form changes whenever `fill` does
 * @param fill gets the folder to fill
 * @returns the folder
 */
export async function fromPackage(
  item: Package,
  form: number,
  options: KernelOptions,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const name = `${item.name}_${keyOf([item.sha256, String(form)])}`;
  const { folder } = await ensureFolder(join(cacheRoot(), 'bench', name), options, async (fresh) => {
    await fill(fresh);
    return { name: item.name, version: item.version, sha256: item.sha256, suite: item.suite };
  });
  return folder;
}
