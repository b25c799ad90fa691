/** The cases of one machine: programs go out ahead of the answers, which are judged as they come. */
import type { CaseEvidence } from '../contract/evidence.ts';
import type { PlannedCase } from '../contract/expectation.ts';
import type { CaseResult } from '../contract/result.ts';
import { judge } from '../judge/judge.ts';
import { MachineError } from '../../vm/machine.ts';
import { takeApart } from './captured.ts';
import type { Evidence } from './folder.ts';
import { hindered } from './hindrance.ts';
import { blank, judged, type TargetContext } from './outcome.ts';
import type { Pace } from './pace.ts';
import type { Session } from './session.ts';
import type { Survey } from './survey.ts';
import type { Task } from './work.ts';

export interface Conversation {
  readonly session: Session;
  readonly facts: Survey;
  readonly context: TargetContext;
  readonly pace: Pace;
  readonly evidence: Evidence;
  readonly announce: (planned: PlannedCase) => void;
  /** Resolves when all that was announced is on the disk. */
  readonly synced: () => Promise<void>;
  /** The case that the agent is in now; null between two. */
  readonly running: (task: Task | null) => void;
  readonly finish: (result: CaseResult) => void;
  /** True when no more cases are wanted. */
  readonly stopped: () => boolean;
}

/** `worn`: a case left the kernel in a state that says nothing of the cases after it. */
export type ConversationEnd = 'all-done' | 'worn' | 'stopped';

/** Programs sent ahead of the answers: hides the channel's latency and the journal's wait for the disk. */
const WINDOW = 128;

/** Runs these tasks; call {@link farewell} after the last of them. */
export async function converse(talk: Conversation, tasks: Iterator<Task>): Promise<ConversationEnd> {
  const { session, context, pace } = talk;
  const flight: Task[] = [];
  for (;;) {
    if (flight.length <= WINDOW / 2) {
      const batch = runnable(talk, tasks, WINDOW - flight.length);
      for (const { planned } of batch) talk.announce(planned);
      if (batch.length > 0) await talk.synced();
      for (const { planned } of batch) session.run(pace.program(planned.program));
      flight.push(...batch);
    }
    const task = flight.shift();
    if (!task) return 'all-done';
    const { planned, attempt } = task;
    talk.running(task);
    const wait = pace.silenceMs(planned.program);
    const start = await session.expect('start', wait);
    if (start.id !== planned.id)
      throw new MachineError('garbled', `the agent started ${start.id} where ${planned.id} was due`);
    const { evidence: told } = await session.expect('case', wait);
    talk.running(null);
    const evidence = takeApart(told, planned.program.seed);
    const verdict = judge(planned, evidence);
    const result = judged(context, planned, evidence, verdict, attempt);
    talk.evidence.keep(result, planned, evidence);
    talk.finish(result);
    if (verdict.grave === true) return 'worn';
    if (talk.stopped()) return 'stopped';
  }
}

/** The next tasks that can run here; those that cannot are finished with the reason. */
function runnable(talk: Conversation, tasks: Iterator<Task>, most: number): Task[] {
  const batch: Task[] = [];
  while (batch.length < most) {
    const next = tasks.next();
    if (next.done === true) break;
    const { planned, attempt } = next.value;
    const hindrance = hindered(planned, talk.facts);
    if (hindrance)
      talk.finish(blank(talk.context, planned, hindrance.outcome, hindrance.reason, { attempt }));
    else batch.push(next.value);
  }
  return batch;
}

/**
 * Ends the agent, which must have finished all that it started, and these many cases at least. Gives what the kernel said
 * after the last of them.
 */
export async function farewell(
  session: Session,
  pace: Pace,
  cases: number,
  probes: number,
): Promise<CaseEvidence['kernel']> {
  session.send({ type: 'end' });
  const bye = await session.expect('bye', pace.graceMs);
  if (bye.started !== bye.finished || bye.finished < cases || bye.finished > cases + probes)
    throw new MachineError('garbled', `the agent counts ${bye.finished} cases, the host ${cases}`);
  return bye.kernel;
}
