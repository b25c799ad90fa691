/** How fast an agent works through cases, seen from the host: from the first `start` to the last `case`. */
import type { AgentEvidence } from '../harness/contract/evidence.ts';
import type { PlannedCase } from '../harness/contract/expectation.ts';
import type { Survey } from '../harness/run/survey.ts';
import type { Session } from '../harness/run/session.ts';
import { takeApart } from '../harness/run/captured.ts';
import { guestCpu } from './guest-cpu.ts';
import { judge } from '../harness/judge/judge.ts';

export interface Rate {
  readonly cases: number;
  readonly seconds: number;
  /** CPU time of the guest meanwhile, in s. */
  readonly cpu: number;
  /** Of `seconds`, what the agent spent between a program's arrival and its evidence; the rest is talk. */
  readonly inCases: number;
  /** By outcome, so that nobody measures how fast cases fail. */
  readonly outcomes: ReadonlyMap<string, number>;
}

/** As `segproof run` has it (harness/run/target.ts). */
const WINDOW = 32;
/** Longest wait for one message, in ms. */
const ANSWER_MS = 60_000;

/** The cases that this machine can run. */
export function runnable(cases: readonly PlannedCase[], { kinds }: Survey): PlannedCase[] {
  return cases.filter(({ skip, needs }) => skip === undefined && needs.every((kind) => kinds[kind] === null));
}

export async function measure(session: Session, cases: readonly PlannedCase[]): Promise<Rate> {
  const evidence: AgentEvidence[] = [];
  let started = 0;
  let cpu = 0;
  let sent = 0;
  while (evidence.length < cases.length) {
    if (sent < cases.length && sent - evidence.length <= WINDOW / 2) {
      const batch = cases.slice(sent, evidence.length + WINDOW);
      for (const { program } of batch) session.run(program);
      sent += batch.length;
    }
    await session.expect('start', ANSWER_MS);
    if (evidence.length === 0) [started, cpu] = [performance.now(), guestCpu()];
    evidence.push((await session.expect('case', ANSWER_MS)).evidence);
  }
  const ended = performance.now();
  cpu = guestCpu() - cpu;
  const outcomes = new Map<string, number>();
  for (const [at, planned] of cases.entries()) {
    const { outcome } = judge(planned, takeApart(evidence[at] as AgentEvidence, planned.program.seed));
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  const inCases = evidence.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
  return { cases: cases.length, seconds: (ended - started) / 1000, cpu, inCases, outcomes };
}
