import { join } from 'node:path';
import type { Cached } from './cache-folder.ts';
import type { StoredKernel } from './store.ts';
import type { Kernel } from './types.ts';

/** A kernel of the store as the rest of the project sees it. */
export function kernelOf({ folder, about }: Cached<StoredKernel>, name: string): Kernel {
  const { release, version, upstream, image, hasModules, source, origin, verified } = about;
  return {
    ...{ name, release, version, upstream, origin },
    image: join(folder, image),
    modules: hasModules ? folder : null,
    description: `${origin === 'debian' ? 'Debian ' : ''}${version ?? release} (${source}${verified === false ? ', NOT verified' : ''})`,
  };
}
