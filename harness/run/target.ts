/** Runs all cases of one target: machine up, survey, plan, cases; a lost machine is replaced and the rest goes on. */
import type { PlannedCase } from '../contract/expectation.ts';
import type { CaseResult, Outcome, RunEvent } from '../contract/result.ts';
import { undecided } from '../judge/behaviours.ts';
import { judge } from '../judge/judge.ts';
import { findSplat } from '../judge/splat.ts';
import { MachineError, type MachineSource } from '../../vm/machine.ts';
import { blank, judged, type TargetContext } from './outcome.ts';
import type { Evidence } from './folder.ts';
import type { Planner } from './planner.ts';
import { Session, Silence } from './session.ts';
import { survey, type Survey } from './survey.ts';

export interface TargetJob {
  readonly source: MachineSource;
  readonly planner: Planner;
  readonly judgeAs: string | null;
  /** Upstream version the kernel's package names; null when unknown. */
  readonly upstream: string | null;
  readonly command: readonly string[];
  /** Folder for the machine's own files (console log). */
  readonly folder: string;
  readonly bootMs: number;
  readonly rerun: (id: string) => string;
  readonly evidence: Evidence;
  readonly emit: (event: RunEvent) => void;
  /** Resolves when all that was emitted is on the disk. */
  readonly synced: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** How a target ended. `no-machine`: it never came up; `lost`: too many machines died, the rest was not run. */
export type TargetEnd = 'ran' | 'no-machine' | 'lost' | 'interrupted';

/** Programs sent ahead of the answers: hides the channel's latency, and bounds what a lost guest takes with it. */
const WINDOW = 32;
/** Guests given up on after this many were lost in one run. */
const MACHINES = 4;
/** Added to a case's own deadline before the host calls its machine dead, in ms. */
const GRACE_MS = 20_000;

export async function runTarget(job: TargetJob): Promise<TargetEnd> {
  const { emit, planner, source, signal } = job;
  const done = new Set<string>();
  let context: TargetContext = { target: source.target, statuses: [], rerun: job.rerun };
  for (let machines = 0; machines < MACHINES; machines++) {
    let running: PlannedCase | null = null;
    let booted = false;
    const state = (name: 'booting' | 'running' | 'lost' | 'done', detail: string): void => {
      emit({ type: 'machine', target: source.target, state: name, detail });
    };
    const finish = (result: CaseResult): void => {
      done.add(result.id);
      emit({ type: 'case-end', result });
    };
    let session: Session | null = null;
    try {
      state('booting', '');
      const machine = await source.start({
        command: job.command,
        folder: job.folder,
        bootMs: job.bootMs,
        signal,
        onState: state,
      });
      session = new Session(machine);
      const facts = await survey(session, planner, {
        target: source.target,
        judgeAs: job.judgeAs,
        upstream: job.upstream,
        bootMs: job.bootMs,
      });
      booted = true;
      if (machines === 0) emit({ type: 'target', summary: facts.summary });
      context = { ...context, statuses: facts.summary.behaviours };
      state('running', facts.hello.release);
      const runnable = function* (): Generator<PlannedCase> {
        for (const planned of planner.plan(facts.summary.behaviours)) {
          if (done.has(planned.id)) continue;
          const hindrance = hindered(planned, facts);
          if (hindrance) finish(blank(context, planned, hindrance.outcome, hindrance.reason));
          else yield planned;
        }
      };
      await converse(
        session,
        job,
        context,
        runnable(),
        (planned) => {
          running = planned;
        },
        finish,
      );
      state('done', '');
      return 'ran';
    } catch (problem) {
      if (signal.aborted) return 'interrupted';
      const loss = await explain(problem, session);
      state('lost', loss.reason);
      const victim = running as PlannedCase | null;
      if (victim) finish(blank(context, victim, loss.outcome, loss.reason));
      if (!booted && machines === 0) {
        for (const variant of planner.variants)
          if (!done.has(variant.id)) finish(blank(context, variant, loss.outcome, loss.reason));
        return 'no-machine';
      }
    } finally {
      await session?.[Symbol.asyncDispose]();
    }
  }
  for (const variant of planner.variants) if (!done.has(variant.id)) finishLost(job, context, variant.id);
  return 'lost';
}

function finishLost(job: TargetJob, context: TargetContext, id: string): void {
  const variant = job.planner.variants.find((v) => v.id === id);
  if (variant)
    job.emit({
      type: 'case-end',
      result: blank(context, variant, 'error', `not run: ${MACHINES} machines were lost before its turn`),
    });
}

/** Sends the programs, keeps {@link WINDOW} of them ahead, judges the answers as they come. */
async function converse(
  session: Session,
  job: TargetJob,
  context: TargetContext,
  cases: Iterator<PlannedCase>,
  onStart: (planned: PlannedCase | null) => void,
  finish: (result: CaseResult) => void,
): Promise<void> {
  const { target } = context;
  const waiting: PlannedCase[] = [];
  let finished = 0;
  let more = true;
  for (;;) {
    if (more && waiting.length <= WINDOW / 2) {
      const batch: PlannedCase[] = [];
      while (more && waiting.length + batch.length < WINDOW) {
        const next = cases.next();
        if (next.done) more = false;
        else batch.push(next.value);
      }
      for (const planned of batch) job.emit({ type: 'case-start', target, id: planned.id });
      await job.synced();
      for (const planned of batch) session.send({ type: 'run', program: planned.program });
      waiting.push(...batch);
    }
    const planned = waiting.shift();
    if (!planned) break;
    onStart(planned);
    const wait = planned.program.deadlineMs + GRACE_MS;
    const start = await session.expect('start', wait);
    if (start.id !== planned.id)
      throw new MachineError('garbled', `the agent started ${start.id} where ${planned.id} was due`);
    const { evidence } = await session.expect('case', wait);
    onStart(null);
    const verdict = judge(planned, evidence);
    const result = judged(context, planned, evidence, verdict);
    job.evidence.keep(result, planned, evidence);
    finish(result);
    finished++;
  }
  session.send({ type: 'end' });
  const bye = await session.expect('bye', GRACE_MS);
  const probes = job.planner.probes.length;
  if (bye.started !== bye.finished || bye.finished < finished || bye.finished > finished + probes)
    throw new MachineError('garbled', `the agent counts ${bye.finished} cases, the host ${finished}`);
}

/** Why a case cannot run here, if so: it does not apply, something is missing, or nothing tells what to expect. */
function hindered(planned: PlannedCase, facts: Survey): { outcome: Outcome; reason: string } | null {
  if (planned.skip !== undefined) return { outcome: 'skip', reason: planned.skip };
  for (const need of planned.needs) {
    const errno = facts.kinds[need];
    if (errno === undefined)
      return { outcome: 'error', reason: `the agent did not say whether ${need} works` };
    if (errno !== null) return { outcome: 'skip', reason: `this kernel offers no ${need} (${errno})` };
  }
  const open = facts.summary.behaviours.find(
    (status) => planned.behaviours.includes(status.name) && undecided(status),
  );
  if (!open) return null;
  return open.probed === 'not-probed'
    ? {
        outcome: 'skip',
        reason: `nothing tells whether this kernel has ${open.name}: its version does not, and the probe cannot run here`,
      }
    : {
        outcome: 'error',
        reason: `nothing tells whether this kernel has ${open.name}: its version does not, and the probe gave neither answer`,
      };
}

async function explain(
  problem: unknown,
  session: Session | null,
): Promise<{ outcome: Outcome; reason: string }> {
  const splat = findSplat(((await session?.console()) ?? '').split('\n'));
  if (splat && splat.kind === 'panic')
    return { outcome: 'crash', reason: `the guest panicked: ${splat.line}` };
  if (problem instanceof Silence)
    return { outcome: 'timeout', reason: `the machine hangs: ${problem.message}` };
  if (!(problem instanceof MachineError)) throw problem;
  const outcome =
    problem.trouble === 'crash' ? 'crash' : problem.trouble === 'boot-timeout' ? 'timeout' : 'error';
  return { outcome, reason: [problem.message, problem.advice].filter((text) => text !== '').join('; ') };
}
