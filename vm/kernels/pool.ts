/**
 * Packages that the signed index no longer lists though the archive's pool still holds them: for some weeks, when one
 * package of a set was superseded and the others not. No index vouches for their content, so the caller has to verify it.
 */
import { join } from 'node:path';
import { apt, configureApt } from './apt.ts';
import { findSources } from './mirrors.ts';
import { withApt } from './packages.ts';
import { KernelError, report, type KernelOptions } from './types.ts';

/** A package whose name and version another package's dependencies give. */
export interface Unlisted {
  readonly name: string;
  readonly version: string;
  /** Source package it was built from. */
  readonly source: string;
  readonly suite: string;
}

/** No archive has it; there may be another release. */
export class NotInPool extends KernelError {}

/**
 * Where Debian's pool has a package: by the first letter of its source, and without the epoch of its version. The security
 * archive has a folder more.
 */
export function poolPath({ name, version, source, suite }: Unlisted): string {
  const group = source.startsWith('lib') ? source.slice(0, 4) : source.slice(0, 1);
  return `pool/${suite.endsWith('-security') ? 'updates/' : ''}main/${group}/${source}/${name}_${version.replace(/^\d+:/, '')}_amd64.deb`;
}

/**
 * Download from the pool of the archives that have its suite, with nothing to verify it against.
 * @returns path of the .deb
 * @throws NotInPool (69) when no archive has it
 */
export async function downloadUnlisted(
  item: Unlisted,
  folder: string,
  options: KernelOptions,
): Promise<string> {
  const path = poolPath(item);
  const file = join(folder, path.replace(/.*\//, ''));
  report(
    options,
    'download',
    `fetching ${item.name} ${item.version} from the pool, as the index has dropped it`,
  );
  const complaints: string[] = [];
  return withApt(options, async () => {
    await configureApt();
    for (const { uri, suite } of await findSources()) {
      if (suite !== item.suite) continue;
      const address = `${uri.replace(/\/$/, '')}/${path}`;
      const ran = await apt('/usr/lib/apt/apt-helper', ['download-file', address, file], {
        signal: options.signal,
      });
      if (ran.ok) return file;
      complaints.push(ran.stderr.split('\n').find((line) => line.startsWith('E:')) ?? ran.stderr);
    }
    throw new NotInPool(
      69,
      `${item.name} ${item.version}: neither the index nor the pool of the archive has it: ${complaints.join('; ')}`,
      'a snapshot of the archive may still have it (SEGPROOF_DEBIAN_MIRROR)',
    );
  });
}
