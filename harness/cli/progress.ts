import type { KernelOptions } from '../../vm/kernels/types.ts';

/** Progress of finding and fetching kernels, for people, on stderr. */
export const toStderr: KernelOptions = {
  onProgress: ({ message }) => process.stderr.write(`segproof: ${message}\n`),
};
