/** A run: all targets, one stream of events, one results folder, one exit status. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KnownIssue } from '../contract/known-issue.ts';
import type { CaseResult, RunEvent, TargetSummary } from '../contract/result.ts';
import type { MachineSource } from '../../vm/machine.ts';
import { Evidence, shownPath } from './folder.ts';
import { Excuses } from './excuses.ts';
import { Journal } from './journal.ts';
import { Ledger, unexpected } from './ledger.ts';
import { RunLimits } from './limits.ts';
import type { Planner } from './planner.ts';
import { replay, type Resumed } from './resume.ts';
import { runTarget } from './target.ts';
import { Work } from './work.ts';

export interface RunTargetOptions {
  readonly source: MachineSource;
  /** Upstream version the kernel's package names; null when unknown. */
  readonly upstream: string | null;
  readonly bootMs: number;
}

export interface RunOptions {
  readonly tool: string;
  /** The command line as typed, for the record. */
  readonly commandLine: readonly string[];
  readonly planner: Planner;
  /** Targets in the order of the report. */
  readonly targets: readonly RunTargetOptions[];
  /** In which order they are begun; by default that of the report. */
  readonly order?: (targets: readonly RunTargetOptions[]) => readonly RunTargetOptions[];
  readonly judgeAs: string | null;
  /** The agent's command. */
  readonly command: readonly string[];
  readonly folder: string;
  /** Machines at the same time. */
  readonly jobs: number;
  /** How often each case is run; Infinity with `untilFail`. */
  readonly rounds?: number;
  /** Nothing more is begun after the first unexpected outcome. */
  readonly untilFail?: boolean;
  /** Longest time for the whole run in ms. */
  readonly deadlineMs?: number;
  /** Longest silence of a machine in ms; by default by its speed. */
  readonly silenceMs?: number;
  readonly knownIssues?: readonly KnownIssue[];
  /** What an earlier process left of this run; the folder is its. */
  readonly resumed?: Resumed;
  readonly rerun: (target: string, id: string) => string;
  readonly onEvent: (event: RunEvent) => void;
  readonly signal: AbortSignal;
}

/** What the targets of one run share. */
interface Shared {
  readonly options: RunOptions;
  readonly journal: Journal;
  readonly emit: (event: RunEvent) => void;
  readonly stopped: () => boolean;
  readonly signal: AbortSignal;
  readonly results: readonly CaseResult[];
  readonly summaries: ReadonlyMap<string, TargetSummary>;
}

/** Runs everything and returns the exit status of DESIGN's table (signals are the caller's business). */
export async function run(options: RunOptions): Promise<number> {
  const { folder, targets, resumed } = options;
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'journal.jsonl');
  const journal = resumed ? Journal.resume(path, resumed.journal) : Journal.create(path);
  const ledger = new Ledger();
  const limits = new RunLimits(options.signal, options.deadlineMs);
  let failed = false;
  const show = (event: RunEvent): void => {
    if (event.type === 'case-end') {
      ledger.record(event.result);
      failed ||= unexpected(event.result.outcome);
    }
    options.onEvent(event);
  };
  const excuses = new Excuses(options.knownIssues ?? [], new Date().toISOString().slice(0, 10));
  const emit = (told: RunEvent): void => {
    const event = excuses.apply(told);
    journal.append(event);
    show(event);
  };
  const before = replay(resumed?.journal.events ?? []);
  const results = before.flatMap((event) => (event.type === 'case-end' ? [event.result] : []));
  const summaries = before.flatMap((event) => (event.type === 'target' ? [event.summary] : []));
  const shared: Shared = {
    options,
    journal,
    emit,
    stopped: () => options.untilFail === true && failed,
    signal: limits.signal,
    results,
    summaries: new Map(summaries.map((summary) => [summary.target, summary])),
  };
  try {
    const planned = options.planner.variants.length * targets.length;
    if (before.length === 0) emit(start(options, planned));
    else {
      for (const event of before) {
        excuses.recall(event);
        show(event);
      }
      journal.append({
        type: 'run-resume',
        resumed: new Date().toISOString(),
        left: planned - new Set(results.map(({ target, id }) => `${target} ${id}`)).size,
      });
    }
    await all(shared, limits);
    for (const message of excuses.notices()) emit({ type: 'notice', target: null, message });
    const exit = ledger.exit();
    emit({
      type: 'run-end',
      ended: new Date().toISOString(),
      totals: ledger.totals(),
      exit,
      interrupted: options.signal.aborted,
    });
    await journal.flushed();
    return exit;
  } finally {
    limits.clear();
    journal.close();
  }
}

function start({ tool, commandLine, folder, targets }: RunOptions, planned: number): RunEvent {
  return {
    type: 'run-start',
    tool,
    started: new Date().toISOString(),
    command: commandLine,
    folder: shownPath(folder),
    targets: targets.map(({ source }) => source.target),
    planned,
  };
}

/** All targets, `jobs` at a time. The first error ends the others too, and is thrown when all their machines are gone. */
async function all(shared: Shared, limits: RunLimits): Promise<void> {
  const { jobs, targets, order } = shared.options;
  const queue = [...(order?.(targets) ?? targets)];
  const worker = async (): Promise<void> => {
    for (let target = queue.shift(); target; target = queue.shift()) {
      try {
        await one(shared, target);
      } catch (error) {
        limits.abort(error);
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.max(1, Math.min(jobs, targets.length)) }, worker);
  const failed = (await Promise.allSettled(workers)).find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
}

async function one(shared: Shared, target: RunTargetOptions): Promise<void> {
  const { options, journal, emit, stopped, signal } = shared;
  const name = target.source.target;
  const results = shared.results.filter((result) => result.target === name);
  const done = new Work(1, results);
  const evidence = new Evidence(options.folder, name, (id) => !options.resumed || !done.untried(id));
  try {
    await runTarget({
      ...target,
      planner: options.planner,
      judgeAs: options.judgeAs,
      command: options.command,
      folder: join(options.folder, 'machines', name.replaceAll('/', '_')),
      silenceMs: options.silenceMs,
      rounds: options.rounds ?? 1,
      prior: { results, summary: shared.summaries.get(name) ?? null },
      rerun: (id) => options.rerun(name, id),
      evidence,
      emit,
      synced: () => journal.flushed(),
      stopped,
      signal,
    });
  } finally {
    evidence.close();
  }
}
