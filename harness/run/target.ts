/** Runs all cases of one target; a lost machine is replaced and the rest goes on. */
import type { CaseResult, Outcome, RunEvent, TargetSummary } from '../contract/result.ts';
import type { MachineSource } from '../../vm/machine.ts';
import type { Evidence } from './folder.ts';
import { attend } from './attend.ts';
import { blank, type TargetContext } from './outcome.ts';
import type { Planner } from './planner.ts';
import { Work } from './work.ts';

export interface TargetJob {
  readonly source: MachineSource;
  readonly planner: Planner;
  readonly judgeAs: string | null;
  /** Upstream version the kernel's package names; null when unknown. */
  readonly upstream: string | null;
  readonly command: readonly string[];
  /** Folder for the machines' own files (console logs). */
  readonly folder: string;
  readonly bootMs: number;
  /** Longest silence of a machine in ms; by default by its speed. */
  readonly silenceMs: number | undefined;
  /** How often each case is run. */
  readonly rounds: number;
  /** Results from before the run was cut off, and what the kernel was then. */
  readonly prior: { readonly results: readonly CaseResult[]; readonly summary: TargetSummary | null };
  readonly rerun: (id: string) => string;
  readonly evidence: Evidence;
  readonly emit: (event: RunEvent) => void;
  /** Resolves when all that was emitted is on the disk. */
  readonly synced: () => Promise<void>;
  /** True when no more cases are wanted. */
  readonly stopped: () => boolean;
  /** Its reason, where it is a {@link RunDeadline}, is why cases were not run. */
  readonly signal: AbortSignal;
}

/** The run's own deadline came. */
export class RunDeadline extends Error {}

/** Machines of one target that may be lost in all, and one after the other before any case; then the target is given up. */
const MACHINES = 8;
const BARREN = 3;

export async function runTarget(job: TargetJob): Promise<void> {
  const { emit, planner, source, signal } = job;
  const target = source.target;
  const context: TargetContext = { target, statuses: [], rerun: job.rerun };
  const ids = planner.variants.map(({ id }) => id);
  const work = new Work(job.rounds, job.prior.results);
  const finish = (result: CaseResult): void => {
    work.record(result);
    emit({ type: 'case-end', result });
  };
  const giveUp = (outcome: Outcome, reason: string): void => {
    for (const variant of planner.variants)
      if (work.untried(variant.id))
        finish(blank(context, variant, outcome, reason, { cut: 'not-run', attempt: 1 }));
  };
  let summary = job.prior.summary;
  let barren = 0;
  let lost = 0;
  while (lost < MACHINES && barren < BARREN) {
    if (work.round(ids) === null || job.stopped()) return;
    const end = await attend({ ...job, context, work, ids, finish, summary });
    if (end.how === 'done') return;
    if (end.how === 'interrupted') break;
    if (end.how === 'changed') {
      giveUp('error', `not run: ${end.reason}`);
      return;
    }
    if (!end.heard && !end.fruitful && lost === 0) {
      giveUp(end.loss?.outcome ?? 'error', end.loss?.reason ?? '');
      return;
    }
    lost++;
    barren = end.fruitful ? 0 : barren + 1;
    summary ??= end.summary;
  }
  if (!signal.aborted) giveUp('error', `not run: ${lost} machines were lost before its turn`);
  else if (signal.reason instanceof RunDeadline) giveUp('timeout', `not run: ${signal.reason.message}`);
}
