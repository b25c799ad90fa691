/** Puts the results folders of the shards of one run together. */
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KnownIssue } from '../contract/known-issue.ts';
import type { RunEvent, TargetSummary } from '../contract/result.ts';
import { Excuses, isAboutKnownIssue } from './excuses.ts';
import { shownPath } from './folder.ts';
import { Journal } from './journal.ts';
import { Ledger } from './ledger.ts';
import { checkShards, type ShardRun } from './merge-checks.ts';
import { writePlan } from './plan-file.ts';
import { readRun, replay } from './resume.ts';
import { writeError } from './run-error.ts';

export interface MergeOptions {
  readonly folders: readonly string[];
  readonly folder: string;
  /** Missing shards are told and no error. */
  readonly partial: boolean;
  readonly commandLine: readonly string[];
  /** Held against the whole anew; null where they are no longer those of the run, whose shards' word then counts. */
  readonly knownIssues: readonly KnownIssue[] | null;
  readonly onEvent: (event: RunEvent) => void;
}

/** Writes the merged folder and returns the exit status that the whole run would have had. @throws RunError */
export function merge(options: MergeOptions): number {
  const { folder } = options;
  const runs = options.folders.map((from): ShardRun => {
    const { plan, journal } = readRun(from);
    return { folder: from, plan, events: replay(journal.events), ended: over(journal.events) };
  });
  const notes = checkShards(runs, options.partial);
  const [first] = runs;
  if (!first) return 4;
  writePlan(folder, { ...first.plan, shard: null });
  const journal = Journal.create(join(folder, 'journal.jsonl'));
  const ledger = new Ledger();
  const excuses = options.knownIssues && new Excuses(options.knownIssues, today());
  const emit = (event: RunEvent): void => {
    if (event.type === 'case-end') ledger.record(event.result);
    excuses?.recall(event);
    journal.append(event);
    options.onEvent(event);
  };
  try {
    emit(start(options, runs));
    for (const summary of summaries(runs)) emit({ type: 'target', summary });
    for (const message of notes) emit({ type: 'notice', target: null, message });
    for (const { events } of runs)
      for (const event of events)
        if (
          event.type === 'case-end' ||
          (event.type === 'notice' && !(excuses && isAboutKnownIssue(event.message)))
        )
          emit(event);
    for (const message of excuses?.notices() ?? []) emit({ type: 'notice', target: null, message });
    for (const run of runs) copyEvidence(run, folder);
    for (const target of targets(runs)) emit({ type: 'machine', target, state: 'done', detail: '' });
    // What nobody ran is no success, whatever came of the rest.
    const complete = notes.length === 0;
    const exit = complete || ledger.exit() !== 0 ? ledger.exit() : 69;
    emit({
      type: 'run-end',
      ended: latest(runs),
      totals: ledger.totals(),
      exit,
      interrupted: false,
    });
    return exit;
  } finally {
    journal.close();
  }
}

const today = (): string => new Date().toISOString().slice(0, 10);

function over(events: readonly RunEvent[]): string | null {
  const end = events.findLast((event) => event.type === 'run-end' || event.type === 'run-resume');
  return end?.type === 'run-end' && !end.interrupted ? end.ended : null;
}

/** When the last shard ended. */
function latest(runs: readonly ShardRun[]): string {
  const ends = runs.flatMap(({ ended }) => ended ?? []);
  return ends.sort().at(-1) ?? new Date().toISOString();
}

function start({ folder, commandLine }: MergeOptions, runs: readonly ShardRun[]): RunEvent {
  const begun = runs.flatMap(({ events }) => events.filter((event) => event.type === 'run-start'));
  return {
    type: 'run-start',
    tool: runs[0]?.plan.tool ?? '',
    started: begun.map(({ started }) => started).sort()[0] ?? new Date().toISOString(),
    command: commandLine,
    folder: shownPath(folder),
    targets: targets(runs),
    planned: (runs[0]?.plan.cases.count ?? 0) * targets(runs).length,
  };
}

function targets(runs: readonly ShardRun[]): string[] {
  const starts = runs.flatMap(({ events }) => events.filter((event) => event.type === 'run-start'));
  return [...new Set(starts.flatMap((event) => event.targets))];
}

function summaries(runs: readonly ShardRun[]): TargetSummary[] {
  const all = runs.flatMap(({ events }) => events.flatMap((e) => (e.type === 'target' ? [e.summary] : [])));
  return [...new Map(all.map((summary) => [summary.target, summary])).values()];
}

/** Cases are in one shard each, so that their folders cannot collide; machines are kept apart by shard. */
function copyEvidence({ folder: from, plan }: ShardRun, to: string): void {
  try {
    const dir = join(from, 'evidence');
    mkdirSync(join(to, 'evidence'), { recursive: true });
    for (const name of existsSync(dir) ? readdirSync(dir) : [])
      appendFileSync(join(to, 'evidence', name), readFileSync(join(dir, name)));
    const copies = [
      ['cases', 'cases'],
      ['machines', `machines/shard-${plan.shard?.index ?? 1}`],
    ] as const;
    for (const [what, where] of copies)
      if (existsSync(join(from, what))) cpSync(join(from, what), join(to, where), { recursive: true });
  } catch (error) {
    throw writeError(shownPath(join(to, 'evidence')), shownPath(to), error);
  }
}
