/** Runs one {@link Program} from its topology to its evidence. Whatever happens, there is evidence, and nothing stays open. */
import type { AgentEvidence, AgentStep } from '../contract/evidence.ts';
import type { Program } from '../contract/program.ts';
import { Case, DeadlineError } from './case.ts';
import { readCounters } from './counters.ts';
import type { KernelLog } from './kernel-log.ts';
import { FeatureError } from './ethtool.ts';
import { CAPTURE_KEY } from './step-capture.ts';
import { perform } from './steps.ts';
import type { SystemCalls } from './sys.ts';
import type { TopologyCache } from './topology-cache.ts';
import { now } from './now.ts';

export interface Surroundings {
  /** For the endpoints under test. */
  readonly sys: SystemCalls;
  /** For the agent's own instruments. */
  readonly own: SystemCalls;
  readonly topologies: TopologyCache;
  readonly log: KernelLog;
}

export function runCase(program: Program, around: Surroundings): AgentEvidence {
  const started = now();
  const steps: AgentStep[] = [];
  let setup: readonly string[] = [];
  let sentAt: bigint | null = null;
  let broken: AgentEvidence['broken'];
  try {
    const taken = around.topologies.take(program.topology);
    ({ setup } = taken);
    const run = new Case(program, taken.built, around.sys, around.own);
    try {
      performAll(run, program, steps);
    } finally {
      sentAt = run.firstSendAt;
    }
    if (taken.built.usedUp) around.topologies.drop(program.topology.key);
  } catch (error) {
    const kind =
      error instanceof DeadlineError ? 'timeout' : error instanceof FeatureError ? 'refused' : 'error';
    broken = { kind, message: error instanceof Error ? error.message : String(error) };
    // Nobody knows what state it is in.
    around.topologies.drop(program.topology.key);
  }
  return {
    id: program.id,
    steps,
    ...(broken ? { broken } : {}),
    ...(sentAt === null ? {} : { sentAt: String(sentAt) }),
    setup,
    kernel: around.log.sinceLast(),
    durationMs: Math.round((now() - started) * 1000) / 1000,
  };
}

function performAll(run: Case, program: Program, steps: AgentStep[]): void {
  try {
    if (!program.actions.some((action) => action.do === 'capture')) run.topology.forget(CAPTURE_KEY);
    for (const action of program.actions) {
      if (action.do !== 'counters' || run.countersBefore.has(action.ns)) continue;
      run.topology.enter(action.ns);
      run.countersBefore.set(action.ns, readCounters());
    }
    for (const action of program.actions) {
      run.timeLeft();
      steps.push(perform(run, action));
      for (const wire of run.topology.wires) wire.pump();
    }
  } finally {
    run.close();
  }
}
