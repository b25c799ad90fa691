/** A run: all targets, one stream of events, one results folder, one exit status. */
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Outcome, RunEvent, Totals } from '../contract/result.ts';
import type { MachineSource } from '../../vm/machine.ts';
import { Evidence } from './folder.ts';
import { Journal } from './journal.ts';
import type { Planner } from './planner.ts';
import { runTarget, type TargetEnd } from './target.ts';

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
  /** Targets in the order of the report; a target that could not be prepared is a function that throws. */
  readonly targets: readonly RunTargetOptions[];
  readonly judgeAs: string | null;
  /** The agent's command. */
  readonly command: readonly string[];
  readonly folder: string;
  readonly jobs: number;
  readonly rerun: (target: string, id: string) => string;
  readonly onEvent: (event: RunEvent) => void;
  readonly signal: AbortSignal;
}

const OUTCOMES: readonly Outcome[] = ['pass', 'fail', 'skip', 'xfail', 'xpass', 'error', 'timeout', 'crash'];
/** Outcomes that nobody asked for. */
const UNEXPECTED: ReadonlySet<Outcome> = new Set<Outcome>(['fail', 'xpass', 'error', 'timeout', 'crash']);

/** Runs everything and returns the exit status of DESIGN's table (signals are the caller's business). */
export async function run(options: RunOptions): Promise<number> {
  const { folder, planner, targets } = options;
  mkdirSync(folder, { recursive: true });
  const journal = new Journal(join(folder, 'journal.jsonl'));
  const counts = new Map<string, Map<Outcome, number>>();
  const emit = (event: RunEvent): void => {
    if (event.type === 'case-end') {
      const own = counts.get(event.result.target) ?? new Map<Outcome, number>();
      counts.set(
        event.result.target,
        own.set(event.result.outcome, (own.get(event.result.outcome) ?? 0) + 1),
      );
    }
    journal.append(event);
    options.onEvent(event);
  };
  const planned = planner.variants.length * targets.length;
  const names = targets.map(({ source }) => source.target);
  emit({
    type: 'run-start',
    tool: options.tool,
    started: new Date().toISOString(),
    command: options.commandLine,
    folder: shownPath(folder),
    targets: names,
    planned,
  });
  const ends = new Map<string, TargetEnd>();
  const queue = [...targets];
  const worker = async (): Promise<void> => {
    for (let target = queue.shift(); target && !options.signal.aborted; target = queue.shift()) {
      ends.set(target.source.target, await one(options, target, emit, journal));
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.max(1, Math.min(options.jobs, targets.length)) }, worker));
    const exit = status(counts, ends);
    emit({
      type: 'run-end',
      ended: new Date().toISOString(),
      totals: totals(counts),
      exit,
      interrupted: options.signal.aborted,
    });
    await journal.flushed();
    return exit;
  } finally {
    journal.close();
  }
}

async function one(
  options: RunOptions,
  target: RunTargetOptions,
  emit: (event: RunEvent) => void,
  journal: Journal,
): Promise<TargetEnd> {
  const name = target.source.target;
  const evidence = new Evidence(options.folder, name);
  const folder = join(options.folder, 'machines', name.replaceAll('/', '_'));
  mkdirSync(folder, { recursive: true });
  try {
    return await runTarget({
      ...target,
      planner: options.planner,
      judgeAs: options.judgeAs,
      command: options.command,
      folder,
      rerun: (id) => options.rerun(name, id),
      evidence,
      emit,
      synced: () => journal.flushed(),
      signal: options.signal,
    });
  } finally {
    evidence.close();
  }
}

function totals(counts: ReadonlyMap<string, ReadonlyMap<Outcome, number>>): Totals {
  const sum = (outcome: Outcome): number =>
    [...counts.values()].reduce((n, own) => n + (own.get(outcome) ?? 0), 0);
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, sum(outcome)])) as Record<Outcome, number>;
}

/** A target that never came up says nothing of a kernel: its losses make 69, not 1. */
function status(
  counts: ReadonlyMap<string, ReadonlyMap<Outcome, number>>,
  ends: ReadonlyMap<string, TargetEnd>,
): number {
  const judged = [...counts]
    .filter(([target]) => ends.get(target) !== 'no-machine')
    .flatMap(([, own]) => [...own]);
  if (judged.some(([outcome, n]) => UNEXPECTED.has(outcome) && n > 0)) return 1;
  if ([...ends.values()].some((end) => end === 'no-machine' || end === 'lost')) return 69;
  return judged.some(([outcome, n]) => outcome !== 'skip' && n > 0) ? 0 : 4;
}

/** A path as a person at this prompt would type it. */
function shownPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}
