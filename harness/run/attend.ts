/** The life of one machine: up, surveyed, asked for case after case, and how it ended. */
import { readdirSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseResult, TargetSummary } from '../contract/result.ts';
import { converse, farewell } from './conversation.ts';
import { explainLoss, type Loss } from './loss.ts';
import { blank, evidencePath, type TargetContext } from './outcome.ts';
import { Pace } from './pace.ts';
import { Session } from './session.ts';
import { survey } from './survey.ts';
import type { TargetJob } from './target.ts';
import { MAX_LOSSES, type Task, type Work } from './work.ts';

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
  /** Another machine must go on. `summary` is null when it never answered; `loss` when it was given up on purpose. */
  | { readonly how: 'lost'; readonly summary: TargetSummary | null; readonly loss: Loss | null };

export async function attend(job: Attendance): Promise<MachineEnd> {
  const { emit, planner, source, signal, work } = job;
  const target = source.target;
  const state = (name: 'booting' | 'surveying' | 'running' | 'lost' | 'done', detail: string): void => {
    emit({ type: 'machine', target, state: name, detail });
  };
  const now: { task: Task | null } = { task: null };
  let session: Session | null = null;
  let summary: TargetSummary | null = null;
  let said = 0;
  try {
    state('booting', '');
    const machine = await source.start({
      command: job.command,
      folder: nextFolder(job.folder),
      bootMs: job.bootMs,
      signal,
      onState: state,
    });
    session = new Session(machine, signal);
    const facts = await survey(session, planner, {
      target,
      judgeAs: job.judgeAs,
      upstream: job.upstream,
      bootMs: job.bootMs,
      onHello: () => {
        state('surveying', '');
      },
    });
    const changed = job.summary && difference(job.summary, facts.summary);
    if (changed !== null) {
      state('lost', changed);
      return { how: 'changed', reason: changed };
    }
    ({ summary } = facts);
    if (!job.summary) emit({ type: 'target', summary });
    said = (await session.console()).length;
    const pace = new Pace(facts.hello);
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
          finish: job.finish,
          stopped: job.stopped,
        },
        work.tasks(round, planner.plan(summary.behaviours)),
      );
      if (end === 'worn') {
        state('lost', 'given up: the kernel is broken; the rest goes on in a fresh machine');
        return { how: 'lost', summary, loss: null };
      }
      if (end === 'stopped') {
        state('done', 'stopped at the first failure');
        return { how: 'done' };
      }
    }
    await farewell(session, pace, ended, planner.probes.length);
    state('done', '');
    return { how: 'done' };
  } catch (problem) {
    if (signal.aborted) return { how: 'interrupted' };
    const loss = explainLoss(problem, ((await session?.console()) ?? '').slice(said));
    state('lost', loss.reason);
    if (now.task) fail(job, now.task, loss);
    return { how: 'lost', summary, loss };
  } finally {
    await session?.[Symbol.asyncDispose]();
  }
}

/** Records that a case took its machine down. */
function fail(job: Attendance, { planned, attempt }: Task, loss: Loss): void {
  const last = job.work.losses(planned.id) + 1 >= MAX_LOSSES;
  const reason = last
    ? `${loss.reason}; left out: it took ${MAX_LOSSES} machines down`
    : `${loss.reason}; tried again in a fresh machine`;
  const result = blank(job.context, planned, loss.outcome, reason, {
    attempt,
    cut: 'lost',
    ...(loss.fingerprint === undefined ? {} : { fingerprint: loss.fingerprint }),
    evidence: evidencePath(job.context.target, planned.id, attempt),
  });
  job.evidence.keepLoss(result, planned, loss.console);
  job.finish(result);
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
