/** The life of one machine: up, surveyed, asked for case after case, and how it ended. */
import { readdirSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseResult, TargetSummary } from '../contract/result.ts';
import { kernelTrouble } from '../judge/judge.ts';
import { blameLast, blameRunning } from './blame.ts';
import { converse, farewell } from './conversation.ts';
import { explainLoss, type Loss } from './loss.ts';
import type { TargetContext } from './outcome.ts';
import { modulesFor } from './modules.ts';
import { Pace } from './pace.ts';
import { Session } from './session.ts';
import { survey } from './survey.ts';
import type { TargetJob } from './target.ts';
import type { Task, Work } from './work.ts';

export interface Attendance extends TargetJob {
  readonly context: TargetContext;
  readonly work: Work;
  readonly ids: readonly string[];
  readonly finish: (result: CaseResult) => void;
  /** What an earlier machine of this target turned out to be; null for the first. */
  readonly summary: TargetSummary | null;
}

export type MachineEnd =
  /** Nothing is left to do, or nothing more is wanted. */
  | { readonly how: 'done' }
  | { readonly how: 'interrupted' }
  /** It is another kernel than the one the run began with. */
  | { readonly how: 'changed'; readonly reason: string }
  /** Another machine must go on. */
  | {
      readonly how: 'lost';
      /** null when it was not even surveyed. */
      readonly summary: TargetSummary | null;
      /** It said something. */
      readonly heard: boolean;
      /** It got as far as a case. */
      readonly fruitful: boolean;
      /** null when it was given up on purpose. */
      readonly loss: Loss | null;
    };

/** Where a machine is. */
interface Now {
  task: Task | null;
  last: CaseResult | null;
  heard: boolean;
}

export async function attend(job: Attendance): Promise<MachineEnd> {
  const { emit, planner, source, signal, work } = job;
  const target = source.target;
  const state = (name: 'booting' | 'surveying' | 'running' | 'lost' | 'done', detail: string): void => {
    emit({ type: 'machine', target, state: name, detail });
  };
  const now: Now = { task: null, last: null, heard: false };
  let session: Session | null = null;
  let summary: TargetSummary | null = null;
  let said = 0;
  try {
    state('booting', '');
    const machine = await source.start({
      command: job.command,
      modules: modulesFor(planner.needs),
      folder: nextFolder(job.folder),
      bootMs: job.bootMs,
      signal,
      onState: (name, detail) => {
        now.heard ||= name === 'running';
        state(name === 'running' ? 'surveying' : name, detail);
      },
    });
    session = new Session(machine, signal);
    const facts = await survey(session, planner, {
      target,
      judgeAs: job.judgeAs,
      upstream: job.upstream,
      bootMs: job.bootMs,
      answerMs: job.silenceMs,
    });
    const changed = job.summary && difference(job.summary, facts.summary);
    if (changed !== null) {
      state('lost', changed);
      return { how: 'changed', reason: changed };
    }
    ({ summary } = facts);
    if (!job.summary) emit({ type: 'target', summary });
    said = (await session.console()).length;
    const pace = new Pace(facts.hello, job.silenceMs);
    const context = { ...job.context, statuses: summary.behaviours };
    let ended = 0;
    for (let round = work.round(job.ids); round !== null; round = work.round(job.ids)) {
      state('running', job.rounds === 1 ? facts.hello.release : `${facts.hello.release}, round ${round}`);
      const end = await converse(
        {
          session,
          facts,
          context,
          pace,
          evidence: job.evidence,
          announce: ({ id }) => {
            emit({ type: 'case-start', target, id });
          },
          synced: job.synced,
          running: (task) => {
            now.task = task;
            if (task === null) ended++;
          },
          finish: (result) => {
            if (result.log !== null || result.durationMs > 0) now.last = result;
            job.finish(result);
          },
          stopped: job.stopped,
        },
        work.tasks(round, planner.plan(summary.behaviours)),
      );
      if (end === 'worn') {
        state('lost', 'given up: the kernel is broken; the rest goes on in a fresh machine');
        return { how: 'lost', summary, heard: true, fruitful: true, loss: null };
      }
      if (end === 'stopped') {
        state('done', 'stopped at the first failure');
        return { how: 'done' };
      }
    }
    const late = kernelTrouble(await farewell(session, pace, ended, planner.probes.length));
    if (late && now.last) blameLast(job, now.last, { outcome: 'crash', ...late }, '');
    state('done', '');
    return { how: 'done' };
  } catch (problem) {
    if (signal.aborted) return { how: 'interrupted' };
    const loss = explainLoss(problem, ((await session?.console()) ?? '').slice(said));
    state('lost', loss.reason);
    if (now.heard || now.task || now.last) blame(job, now, loss);
    return { how: 'lost', summary, heard: now.heard, fruitful: now.last !== null || now.task !== null, loss };
  } finally {
    await session?.[Symbol.asyncDispose]();
  }
}

/** Lays the end of a machine to a case, so that it is seen in the results. */
function blame(job: Attendance, now: Now, loss: Loss): void {
  if (now.task) blameRunning(job, now.task.planned, now.task.attempt, loss);
  else if (now.last) blameLast(job, now.last, loss, loss.console);
  // Killed from outside before its first case: nothing of the kernel under test.
  else if (loss.outcome !== 'error') {
    const next = job.planner.variants.find(({ id }) => job.work.untried(id));
    if (next) blameRunning(job, next, job.work.attempt(next.id), loss);
  }
}

/** In which way a machine is not the kernel that the run began with; null when it is. */
function difference(before: TargetSummary, now: TargetSummary): string | null {
  if (before.release === now.release && before.version === now.version) return null;
  return `the run began on ${before.release} ${before.version}, this is ${now.release} ${now.version}`;
}

/** A new folder `1`, `2` … for each machine, so that no console is written over. */
function nextFolder(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, String(readdirSync(folder).length + 1));
  mkdirSync(path);
  return path;
}
