/** One boot in which the kernel's own test and segproof's agent run one after the other. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentCommand } from '../harness/cli/agent-command.ts';
import type { Planner } from '../harness/run/planner.ts';
import { Session } from '../harness/run/session.ts';
import { survey } from '../harness/run/survey.ts';
import { shellLine } from '../vm/guest/command.ts';
import { forEmulation } from '../vm/guest/node-flags.ts';
import { MachineError, type Machine, type MachineSource } from '../vm/machine.ts';
import { measure, runnable, type Rate } from './agent-rate.ts';
import { guestCpu } from './guest-cpu.ts';
import type { Selftest } from './selftest.ts';

export type Order = 'selftest first' | 'agent first';

/** What the guest tells of the selftest. */
export interface Told {
  readonly cases: number;
  readonly seconds: number;
  readonly status: number;
}

export interface Race {
  /** udpgso.sh: its exit status, and how many cases it said it ran. */
  readonly selftest: Told & { readonly cpu: number };
  /** segproof over the same cases as its first, over all, and over the same cases once more, as in the middle of a run. */
  readonly same: Rate;
  readonly all: Rate;
  readonly warm: Rate;
}

/** What the guest writes on its console when the selftest starts. */
const START = 'segproof-bench-start';
/** Begins the line on the console by which the guest tells how the selftest went. */
const MARK = 'segproof-bench:';
/** Longest boot with a selftest before the agent, and longest selftest, in ms. */
const PATIENCE_MS = 600_000;

/**
 * bash, for EPOCHREALTIME; the clock is read in the guest, so that what the console costs is not measured. udpgso prints
 * a line with `tx:` for each of its cases.
 */
export const script = (order: Order, { folder, tools }: Selftest, agent: readonly string[]): string => {
  const own = shellLine(agent);
  const theirs = [
    `(cd ${shellLine([folder])} || exit`,
    `  PATH=${shellLine([tools])}:$PATH`,
    `  printf '\\n${START}\\n' >/dev/console`,
    '  started=$EPOCHREALTIME',
    '  ./udpgso.sh >/tmp/selftest 2>&1',
    '  status=$?',
    '  ended=$EPOCHREALTIME',
    `  printf '\\n${MARK} %s %s %s %s\\n' "$started" "$ended" "$status" "$(grep -c tx: /tmp/selftest)" >/dev/console)`,
  ].join('\n');
  return `#!/bin/bash\n${(order === 'agent first' ? [own, theirs] : [theirs, own]).join('\n')}\n`;
};

export function parseMark(console: string): Told | null {
  const match = new RegExp(`${MARK} ([\\d.]+) ([\\d.]+) (\\d+) (\\d+)\\r?\\n`).exec(console);
  if (match === null) return null;
  const [started = 0, ended = 0, status = 0, cases = 0] = match.slice(1).map(Number);
  return { cases, seconds: ended - started, status };
}

/** Follows the console from the guest's start on, until `over` at the latest. */
async function followSelftest(machine: Machine, over: AbortSignal): Promise<Race['selftest']> {
  const until = performance.now() + PATIENCE_MS;
  let before: number | null = null;
  for (;;) {
    const text = await machine.console();
    const told = parseMark(text);
    // Looked at each time, since the guest may end right after the test.
    const cpu = guestCpu();
    if (before === null && text.includes(START)) before = cpu;
    if (told !== null && before !== null) return { ...told, cpu: cpu - before };
    if (performance.now() > until)
      throw new MachineError('lost', `udpgso.sh said nothing within ${PATIENCE_MS / 1000} s`);
    await sleep(100, undefined, { signal: over });
  }
}

/**
 * @param isSame tells the cases that udpgso.sh has too
 * @param emulated the guest's CPU is: the agent gets what it gets in every such guest
 * @throws MachineError
 */
export async function race(
  order: Order,
  source: MachineSource,
  selftest: Selftest,
  planner: Planner,
  isSame: (id: string) => boolean,
  emulated: boolean,
): Promise<Race> {
  const folder = mkdtempSync(join(tmpdir(), 'segproof-bench-'));
  const over = new AbortController();
  try {
    const file = join(folder, 'race.sh');
    writeFileSync(file, script(order, selftest, emulated ? forEmulation(agentCommand()) : agentCommand()));
    const machine = await source.start({
      ...{ command: ['bash', file], folder, bootMs: PATIENCE_MS },
      ...{ signal: new AbortController().signal, onState: () => undefined },
    });
    await using session = new Session(machine);
    const theirs = followSelftest(machine, over.signal);
    // Its failure counts where it is awaited, or not at all when something else went wrong before.
    theirs.catch(() => undefined);
    const options = { target: source.target, judgeAs: null, upstream: null, bootMs: PATIENCE_MS };
    const facts = await survey(session, planner, options);
    const cases = runnable([...planner.plan(facts.summary.behaviours)], facts);
    const shared = cases.filter(({ id }) => isSame(id));
    const same = await measure(session, shared);
    const all = await measure(session, cases);
    const warm = await measure(session, shared);
    session.send({ type: 'end' });
    return { selftest: await theirs, same, all, warm };
  } finally {
    over.abort();
    rmSync(folder, { recursive: true, force: true });
  }
}
