import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** `$XDG_CACHE_HOME/segproof`; a relative XDG_CACHE_HOME is ignored, as the XDG specification demands. */
export function cacheRoot(): string {
  const base = process.env['XDG_CACHE_HOME'] ?? '';
  return join(isAbsolute(base) ? base : join(homedir(), '.cache'), 'segproof');
}

/** Unpacked kernels, one folder each. */
export const kernelStore = (): string => join(cacheRoot(), 'kernels');

/** Lists of modules that lie in kernel trees. */
export const treeStore = (): string => join(cacheRoot(), 'trees');

/** Unpacked tools (virtme-ng and what it needs). */
export const toolStore = (): string => join(cacheRoot(), 'tools');

/** State, index and configuration of the private apt. */
export const aptFolder = (): string => join(cacheRoot(), 'apt');
