import type { CaseResult, RunEvent } from '../harness/contract/result.ts';
import { Collected } from './collect.ts';
import { unexpected, WORD } from './outcomes.ts';
import { createSink } from './sink.ts';
import { tapPoint, tapText } from './tap-point.ts';
import { visible } from './text.ts';
import type { View, ViewOptions } from './view.ts';

/** Exit codes from here on (sysexits, signals) mean that the run itself failed, not a case. */
const RUN_FAILED = 64;

interface Subtest {
  points: number;
  failed: number;
  skipped: number;
  /** Lines that wait until their target may write. */
  waiting: string[];
}

/** What is known of why a run failed as a whole: machines lost for good, else what was said last. */
function whyFailed(run: Collected, exit: number): string {
  const lost = [...run.targets.values()].filter(({ state }) => state === 'lost');
  if (lost.length > 0) return lost.map(({ name, detail }) => `${name}: ${detail}`).join('; ');
  return run.notices.at(-1)?.message ?? `the run failed with exit code ${exit}`;
}

/**
 * TAP 14: one subtest per target, in it one point per case, plans at the end. One target at a time writes as its
 * results come, the others wait for it, so a stream cut off at any place is a valid TAP stream without its plan.
 * Each attempt of a case is a point of its own: a `not ok` that was already written cannot be taken back.
 */
export function createTap(options: Pick<ViewOptions, 'out'>): View {
  const sink = createSink(options.out);
  const run = new Collected();
  const open = new Map<string, Subtest>();
  const seen = new Set<string>();
  let leader: string | null = null;
  let points = 0;
  let ended = false;

  const put = (lines: readonly string[]): void => {
    if (lines.length > 0) sink.write(`${lines.join('\n')}\n`);
  };
  const lead = (name: string): void => {
    leader = name;
    seen.add(name);
    const subtest = open.get(name);
    put([`# Subtest: ${tapText(name)}`, ...(subtest?.waiting.splice(0) ?? [])]);
  };
  const say = (name: string, lines: readonly string[]): void => {
    const subtest = open.get(name) ?? { points: 0, failed: 0, skipped: 0, waiting: [] };
    open.set(name, subtest);
    if (leader === null) lead(name);
    const indented = lines.map((line) => `    ${line}`);
    if (leader === name) put(indented);
    else subtest.waiting.push(...indented);
  };
  const finish = (name: string): void => {
    const subtest = open.get(name);
    if (subtest === undefined) return;
    points++;
    const skipped = subtest.skipped === subtest.points && subtest.points > 0;
    if (subtest.points === 0) {
      subtest.points = 1;
      subtest.failed = 1;
      put(['    not ok 1 - no case came to an end']);
    }
    const point = `${subtest.failed > 0 ? 'not ok' : 'ok'} ${points} - ${tapText(name)}`;
    put([`    1..${subtest.points}`, skipped ? `${point} # SKIP every case was skipped` : point]);
    open.delete(name);
    leader = null;
  };
  const finishDone = (): void => {
    while (leader !== null && run.target(leader).state === 'done') {
      finish(leader);
      const next = open.keys().next();
      if (next.done !== true) lead(next.value);
    }
  };
  const result = (last: CaseResult): void => {
    const earlier =
      last.attempt > 1
        ? run
            .target(last.target)
            .attempts.get(last.id)
            ?.findLast((other) => other !== last)
        : undefined;
    say(last.target, []);
    const subtest = open.get(last.target);
    if (subtest === undefined) return;
    if (earlier !== undefined) {
      say(last.target, [`# tried again, was ${WORD[earlier.outcome]}: ${visible(last.id)}`]);
    }
    subtest.points++;
    if (unexpected(last.outcome)) subtest.failed++;
    if (last.outcome === 'skip') subtest.skipped++;
    say(last.target, tapPoint(subtest.points, last));
  };
  // The word in front keeps a message from reading `# Subtest: …`, which would open one.
  const note = (target: string | null, message: string): void => {
    const line = `# note: ${visible(message)}`;
    if (target !== null) say(target, [line]);
    else put([leader === null ? line : `    ${line}`]);
  };
  const bailOut = (why: string): void => {
    put([`Bail out! ${tapText(why)}`]);
  };
  const end = (): void => {
    ended = true;
    for (const name of run.targets.keys()) if (!open.has(name) && !seen.has(name)) say(name, []);
    while (open.size > 0) {
      if (leader === null) lead(open.keys().next().value ?? '');
      finish(leader ?? '');
    }
    const exit = run.end?.exit ?? null;
    // A plan or a bail out, never both: after a plan at the end nothing may follow.
    if (run.end?.interrupted === true) bailOut('interrupted');
    else if (exit === null) bailOut('the run did not come to its end');
    else if (exit >= RUN_FAILED) bailOut(whyFailed(run, exit));
    else put([points === 0 ? '1..0 # SKIP nothing ran' : `1..${points}`]);
  };

  return {
    event(event: RunEvent) {
      run.event(event);
      if (ended) return;
      switch (event.type) {
        case 'run-start':
          put(['TAP version 14', `# by ${visible(event.tool)}, ${visible(event.started)}`]);
          break;
        case 'target': {
          const { target, release, version, upstream, judgedAs } = event.summary;
          const judged = judgedAs === null ? '' : `, judged as ${judgedAs}`;
          say(target, [
            `# kernel ${visible(release)} ${visible(version)}`,
            `# upstream ${visible(upstream ?? 'unknown')}${visible(judged)}`,
          ]);
          break;
        }
        case 'case-end':
          result(event.result);
          finishDone();
          break;
        case 'machine':
          if (event.state === 'lost') say(event.target, [`# machine lost: ${visible(event.detail)}`]);
          if (event.state === 'done') finishDone();
          break;
        case 'notice':
          note(event.target, event.message);
          break;
        case 'run-end':
          end();
          break;
        case 'run-resume':
        case 'case-start':
          break;
      }
    },
    async close() {
      if (!ended && run.start !== null) end();
      await sink.flush();
    },
  };
}
