/** Mainline kernels as `vng --run v6.6` gets them: downloaded by virtme-ng's own code, kept in a cache that can heal. */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { vngCommand } from '../virtme.ts';
import { ensureFolder } from './cache-folder.ts';
import { run } from './exec.ts';
import { keyOf } from './hash.ts';
import { storeFolder, type StoredKernel } from './store.ts';
import { kernelOf } from './stored.ts';
import { arrange } from './tree.ts';
import { KernelError, report, type Kernel, type KernelOptions } from './types.ts';

/** virtme_ng/mainline.py: downloads and unpacks into ~/.cache/virtme-ng/<version>/amd64. */
const DOWNLOAD = 'import sys; from virtme_ng.mainline import KernelDownloader; KernelDownloader(sys.argv[1])';
const HOME = '.home';

/**
 * A mainline release as virtme-ng serves it. virtme-ng checks no signature; that the server is the right one is all that vouches
 * for it.
 * @throws KernelError (69) when it cannot be downloaded
 */
export async function resolveMainline(version: string, options: KernelOptions): Promise<Kernel> {
  const folder = storeFolder(version, keyOf(['virtme-ng', version]));
  const stored = await ensureFolder(folder, options, async (fresh): Promise<StoredKernel> => {
    if (options.offline === true)
      throw new KernelError(69, `kernel ${version}: not in the cache`, 'run once without --offline');
    const vng = await vngCommand(options);
    report(options, 'download', `${version}: by virtme-ng, whose mainline kernels carry no signature`);
    // A home of its own: a cut-off download would stay in the user's cache and be taken for whole.
    const home = join(fresh, HOME);
    const ran = await run('/usr/bin/python3', ['-c', DOWNLOAD, version], {
      env: { ...vng.env, HOME: home },
      signal: options.signal,
    });
    if (!ran.ok) throw failed(version, ran.stderr);
    const unpacked = join(home, '.cache/virtme-ng', version, 'amd64');
    for (const name of await readdir(unpacked))
      if (!name.endsWith('.deb')) await rename(join(unpacked, name), join(fresh, name));
    await rm(home, { recursive: true });
    const { image, facts, hasModules } = await arrange(fresh, version, options);
    return {
      ...{ schema: 1, release: facts.release, upstream: version.slice(1), version: facts.version },
      ...{ banner: facts.banner, source: "virtme-ng's download", origin: 'mainline', image, hasModules },
      ...{ verified: false, packages: [], created: new Date().toISOString() },
    };
  });
  return kernelOf(stored, version);
}

/** Reads the last line of a Python traceback. */
function failed(version: string, stderr: string): KernelError {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  const host = /host='([^']+)'/.exec(last)?.[1];
  const advice = `give ${version.slice(1)} for Debian's build of that series, or the path of a build of yours`;
  if (host !== undefined)
    return new KernelError(
      69,
      `kernel ${version}: virtme-ng cannot download it: ${host} cannot be reached`,
      advice,
    );
  return new KernelError(69, `kernel ${version}: virtme-ng cannot download it: ${last}`, advice);
}
