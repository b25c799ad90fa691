/** Whether results folders are the shards of one run, and all of them. */
import type { RunEvent } from '../contract/result.ts';
import { shownPath } from './folder.ts';
import { differences, type RunPlan } from './plan-file.ts';
import { RunError } from './run-error.ts';

export interface ShardRun {
  readonly folder: string;
  readonly plan: RunPlan;
  readonly events: readonly RunEvent[];
  /** When the run came to its end; null: it did not. */
  readonly ended: string | null;
}

/**
 * What is missing, one line each: only where `partial` allows that.
 * @throws RunError when the folders do not belong together
 */
export function checkShards(runs: readonly ShardRun[], partial: boolean): string[] {
  const [first, ...others] = runs;
  if (!first) return [];
  for (const run of others) requireSamePlan(first, run);
  requireApart(runs);
  requireSameKernels(runs);
  const count = first.plan.shard?.count ?? 1;
  const present = new Set(runs.map(({ plan }) => plan.shard?.index ?? 1));
  const missing = Array.from({ length: count }, (_, i) => i + 1).filter((index) => !present.has(index));
  const notes = [
    ...(missing.length === 0 ? [] : [`shard ${missing.join(', ')} of ${count} is missing`]),
    ...runs
      .filter(({ ended }) => ended === null)
      .map(({ folder }) => `the run in ${shownPath(folder)} did not come to its end`),
  ];
  if (notes.length > 0 && !partial)
    throw new RunError(
      65,
      `the run is not complete: ${notes.join('; ')}`,
      'finish it with segproof run --resume DIR, name every folder, or take what there is with --partial',
    );
  return notes;
}

function requireSamePlan(a: ShardRun, b: ShardRun): void {
  const changes = differences(a.plan, b.plan);
  if (JSON.stringify(a.plan.choices) !== JSON.stringify(b.plan.choices))
    changes.push('other options were given');
  if (a.plan.shard?.count !== b.plan.shard?.count)
    changes.push(`one is of ${a.plan.shard?.count ?? 1} shards, the other of ${b.plan.shard?.count ?? 1}`);
  if (changes.length === 0) return;
  throw new RunError(
    65,
    `${shownPath(a.folder)} and ${shownPath(b.folder)} are no shards of one run`,
    changes.join('\n'),
  );
}

function requireApart(runs: readonly ShardRun[]): void {
  const seen = new Map<number, string>();
  for (const { folder, plan } of runs) {
    const index = plan.shard?.index ?? 1;
    const before = seen.get(index);
    if (before !== undefined)
      throw new RunError(
        65,
        `${shownPath(before)} and ${shownPath(folder)} overlap: both are shard ${index} of ${plan.shard?.count ?? 1}`,
        'give one of them only',
      );
    seen.set(index, folder);
  }
}

/** Results of two kernels under one name would tell of none. */
function requireSameKernels(runs: readonly ShardRun[]): void {
  const seen = new Map<string, { readonly kernel: string; readonly folder: string }>();
  for (const { folder, events } of runs) {
    for (const event of events) {
      if (event.type !== 'target') continue;
      const { target, release, version } = event.summary;
      const before = seen.get(target);
      const kernel = `${release} ${version}`;
      if (before && before.kernel !== kernel)
        throw new RunError(
          65,
          `${target} was not the same kernel in ${shownPath(before.folder)} and ${shownPath(folder)}`,
          `${before.kernel}\n${kernel}`,
        );
      seen.set(target, { kernel, folder });
    }
  }
}
