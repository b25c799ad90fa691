/** All that a run in guests can need, looked at in the order in which one thing needs another. */
import type { KernelOptions } from '../kernels/types.ts';
import type { Finding } from './finding.ts';
import { disk, kvm, memory, namespaces, programs, virtme } from './host.ts';
import { archive, cache } from './kernels.ts';

/** @param fix mend what can be mended first */
export async function* examine(fix: boolean, options: KernelOptions): AsyncGenerator<Finding> {
  yield* await programs(fix, options);
  yield await namespaces();
  yield await disk();
  yield memory();
  yield await archive(fix, options);
  yield await cache(fix);
  yield await virtme(fix, options);
  yield await kvm();
}
