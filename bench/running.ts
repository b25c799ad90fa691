/** Wall time of the whole of `segproof run` on the running kernel, from the command to its exit. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT } from '../harness/cli/exit.ts';
import type { RunEvent } from '../harness/contract/result.ts';
import { benchmark, main, note, say, settle, type CommonFlags } from './command.ts';
import { awaitQuiet } from './quiet.ts';
import { startSegproof } from './segproof.ts';
import { figure, median, spread } from './statistics.ts';

/** Issue 2: "on the running kernel the whole suite takes at most 3 s of wall time on two cores, Node's start included". */
const BOUND = 3;

interface Run {
  readonly seconds: number;
  /** Outcomes with their counts. */
  readonly totals: string;
}

const totalsOf = (journal: string): string => {
  const events = journal
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent);
  const end = events.find((event) => event.type === 'run-end');
  const counts = Object.entries(end?.totals ?? {}).filter(([, n]) => n > 0);
  return counts.map(([outcome, n]) => `${n} ${outcome}`).join(', ');
};

async function once(selection: readonly string[]): Promise<Run> {
  const base = mkdtempSync(join(tmpdir(), 'segproof-bench-'));
  try {
    const folder = join(base, 'results');
    const started = performance.now();
    const words = ['run', '--format', 'tap', '-o', folder, ...selection];
    await startSegproof(words).ended([EXIT.ok, EXIT.unexpected]);
    const seconds = (performance.now() - started) / 1000;
    return { seconds, totals: totalsOf(readFileSync(join(folder, 'journal.jsonl'), 'utf8')) };
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

async function measure(selection: readonly string[], flags: CommonFlags): Promise<number> {
  // Once unmeasured: segproof builds itself when its sources have changed.
  say(`segproof run ${selection.join(' ')}: ${(await once(selection)).totals}`);
  const runs: Run[] = [];
  for (let at = 0; at < flags.repeat; at++) {
    note(await awaitQuiet(flags.quiet));
    const run = await once(selection);
    note(`run ${at + 1}: ${figure(run.seconds)} s: ${run.totals}`);
    runs.push(run);
  }
  const seconds = runs.map((run) => run.seconds);
  say(`wall time ${spread(seconds, ' s')}`);
  return settle([{ text: `at most ${BOUND} s`, ok: median(seconds) <= BOUND }], flags);
}

const command = benchmark('running', 'Wall time of `segproof run` on the running kernel.', 5)
  .argument('[selection...]', 'what to run; everything by default')
  .action(async (selection: readonly string[], flags: CommonFlags) => {
    process.exitCode = await measure(selection, flags);
  });
await main(command);
