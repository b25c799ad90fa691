/** Whether kernels can be had: the cache, the archive and its index. */
import { openFolder } from '../kernels/cache-folder.ts';
import { has } from '../kernels/exec.ts';
import { pruneKernels } from '../kernels/maintain.ts';
import { findKeyring, findSources } from '../kernels/mirrors.ts';
import { listSeries } from '../kernels/resolve.ts';
import { storedKernels, type StoredKernel } from '../kernels/store.ts';
import { KernelError, type KernelOptions } from '../kernels/types.ts';
import { good, lacking, note, type Finding } from './finding.ts';

export async function cache(fix: boolean): Promise<Finding> {
  const subject = 'kernel cache';
  const removed = fix ? await pruneKernels('whole') : [];
  const stored = await storedKernels();
  const damaged: string[] = [];
  for (const { folder, about } of stored)
    if ((await openFolder<StoredKernel>(folder)) === null) damaged.push(about.release);
  if (damaged.length > 0)
    return note(
      subject,
      `damaged: ${damaged.join(', ')}`,
      'segproof kernels prune --damaged; they are fetched again when asked for',
    );
  const releases = stored.map(({ about }) => about.upstream ?? about.release);
  const mended = removed.length > 0 ? `, ${removed.length} damaged ones removed` : '';
  return good(subject, (releases.length === 0 ? 'empty' : `whole: ${releases.join(', ')}`) + mended);
}

export async function archive(fix: boolean, options: KernelOptions): Promise<Finding> {
  const subject = "Debian's archive";
  if (!(await has('apt-get')))
    return note(
      subject,
      'there is no apt on this machine',
      'give kernels by path: segproof run --kernel ./bzImage',
    );
  try {
    await findKeyring();
    await findSources();
    const series = await listSeries({ ...options, ...(fix ? { refresh: true } : {}) });
    return good(subject, `serves ${series.map((one) => one.series).join(', ')}`);
  } catch (cause) {
    if (!(cause instanceof KernelError)) throw cause;
    return lacking(subject, cause.message, cause.advice);
  }
}
