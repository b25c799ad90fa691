/** First words with an agent: which kernel is this, what can it create, which behaviours does it show? */
import { randomBytes } from 'node:crypto';
import type { PlannedCase } from '../contract/expectation.ts';
import type { Hello } from '../contract/protocol.ts';
import type { BehaviourStatus, TargetSummary } from '../contract/result.ts';
import { weigh, weighAs, type Probed } from '../judge/behaviours.ts';
import { judge } from '../judge/judge.ts';
import { takeApart } from './captured.ts';
import type { Planner, Probe } from './planner.ts';
import type { Session } from './session.ts';

export interface Survey {
  readonly hello: Hello;
  readonly summary: TargetSummary;
  /** Link kind or capability → null when it works, else the errno it met. */
  readonly kinds: Readonly<Record<string, string | null>>;
}

export interface SurveyOptions {
  readonly target: string;
  /** Version whose rules to judge by in place of the kernel's own; null: the kernel's own. */
  readonly judgeAs: string | null;
  /** Upstream version from elsewhere (the kernel's package), used where uname names none. */
  readonly upstream: string | null;
  readonly bootMs: number;
  /** Longest time for one answer in ms, by default {@link ANSWER_MS}. */
  readonly answerMs?: number | undefined;
}

/** Bytes of randomness for an agent, as many as a kernel's generator takes at most. */
const ENTROPY = 32;
/** Longest time for one answer during the survey, in ms; generous because a TCG guest may be loading modules. */
const ANSWER_MS = 60_000;

export async function survey(session: Session, planner: Planner, options: SurveyOptions): Promise<Survey> {
  session.send({ type: 'greet', now: Date.now(), entropy: randomBytes(ENTROPY).toString('base64') });
  const hello = await session.expect('hello', options.bootMs);
  session.send({ type: 'survey', kinds: planner.needs });
  const { kinds } = await session.expect('survey', options.answerMs ?? ANSWER_MS);
  const probed = new Map<string, Probed>();
  for (const probe of planner.probes)
    probed.set(probe.behaviour, await ask(session, probe, kinds, options.answerMs));
  const upstream = planner.upstream(hello.release, hello.version) ?? options.upstream;
  const behaviours = planner.behaviours.map((info): BehaviourStatus => {
    const answer = probed.get(info.name) ?? 'not-probed';
    const stated = planner.stated(info.name, options.judgeAs ?? upstream, hello.release);
    return {
      ...info,
      stated,
      probed: answer,
      ...(options.judgeAs === null ? weigh : weighAs)(stated, answer),
    };
  });
  const { release, version } = hello;
  return {
    hello,
    kinds,
    summary: { target: options.target, release, version, upstream, judgedAs: options.judgeAs, behaviours },
  };
}

async function ask(
  session: Session,
  probe: Probe,
  kinds: Survey['kinds'],
  silenceMs: number | undefined,
): Promise<Probed> {
  if (probe.needs.some((kind) => kinds[kind] !== null)) return 'not-probed';
  session.run(probe.program);
  await session.expect('start', silenceMs ?? ANSWER_MS);
  // A silence that was asked for holds for probes as for cases.
  const { evidence: told } = await session.expect('case', silenceMs ?? ANSWER_MS + probe.program.deadlineMs);
  const evidence = takeApart(told, probe.program.seed);
  const fits = (expectations: Probe['has']): boolean =>
    judge(asCase(probe, expectations), evidence).outcome === 'pass';
  if (fits(probe.has)) return 'has';
  return fits(probe.lacks) ? 'has-not' : 'unclear';
}

function asCase(probe: Probe, expectations: Probe['has']): PlannedCase {
  const where = expectations[0]?.where ?? { file: 'suites/behaviours.yaml', line: 1, column: 1 };
  return {
    id: probe.program.id,
    suite: 'behaviours',
    rule: probe.behaviour,
    source: [],
    tags: [],
    where,
    needs: [],
    program: probe.program,
    expectations,
    behaviours: [],
  };
}
