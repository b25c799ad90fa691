/** For tests: cases written by hand, and what becomes of their C programs. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Expected, ExpectedDatagram, ExpectedPacket, PlannedCase } from '../contract/expectation.ts';
import type { Action } from '../contract/program.ts';
import type { Topology } from '../contract/topology.ts';
import { loadProject } from '../load/project.ts';
import { planTarget } from '../plan/target.ts';
import { reproducer } from './reproducer.ts';

export type Step = readonly [Action, Expected];

/** A case of these steps; each is written at a line of its own. */
export function planned(
  steps: readonly Step[],
  topology: Topology,
  more: Partial<PlannedCase> = {},
): PlannedCase {
  const where = { file: 'suites/by-hand.yaml', line: 1, column: 1 };
  return {
    id: 'by-hand/case[family=ipv4]',
    suite: 'by-hand',
    rule: 'What is sent arrives.',
    source: ['udp(7)'],
    tags: [],
    where,
    needs: [],
    program: {
      id: 'by-hand/case[family=ipv4]',
      seed: 4711,
      topology,
      actions: steps.map(([action]) => action),
      deadlineMs: 5000,
    },
    expectations: steps.map(([, expected], index) => ({
      expected,
      where: { ...where, line: 10 + index },
      behaviours: [],
    })),
    behaviours: [],
    ...more,
  };
}

/** Datagrams of these sizes that follow on from each other in one stream. */
export function row(
  stream: number,
  sizes: readonly number[],
  more: Partial<ExpectedDatagram> = {},
): ExpectedDatagram[] {
  let at = 0;
  return sizes.map((length) => {
    const payload = [{ stream, at, length }];
    at += length;
    return { length, payload, gro: null, flags: [], ...more };
  });
}

export interface Ran {
  /** What gcc said. */
  readonly warnings: string;
  /** Exit status; -1 when it did not compile. */
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines that begin with FAIL, without the rule and place behind them. */
  readonly failures: readonly string[];
}

/** Compiles and runs a program as its header says. */
export async function compileAndRun(source: string): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), 'segproof-c-'));
  try {
    const file = join(folder, `${randomUUID()}.c`);
    const binary = join(folder, 'case');
    writeFileSync(file, source);
    const built = await execute('gcc', ['-Wall', '-Wextra', '-O1', '-o', binary, file]);
    if (built.exit !== 0) return { ...built, warnings: built.stderr, exit: -1, failures: [] };
    const ran = await execute(binary, []);
    const failures = ran.stdout.split('\n').filter((line) => line.startsWith('FAIL: '));
    return {
      ...ran,
      warnings: built.stderr,
      failures: failures.map((line) => line.replace(/ \(rule: .*$/u, '')),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function execute(
  command: string,
  args: readonly string[],
): Promise<{ exit: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(command, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error?.code;
      resolve({ exit: error ? (typeof code === 'number' ? code : -1) : 0, stdout, stderr });
    });
  });
}

let allPlanned: readonly PlannedCase[] | undefined;

/** The first variant of a case of the suites that has these axes, as it is planned for a kernel with all behaviours. */
export function ofSuites(path: string, ...axes: readonly string[]): PlannedCase {
  allPlanned ??= planAll();
  const found = allPlanned.find(({ id }) => {
    const [own, rest = ''] = id.split(/[[\]]/u);
    return own === path && axes.every((axis) => rest.split(',').includes(axis));
  });
  if (!found) throw new RangeError(`there is no case ${path} with ${axes.join()}`);
  return found;
}

function planAll(): readonly PlannedCase[] {
  const { suites, topologies, behaviours } = loadProject('.');
  const cases = suites.flatMap((suite) => suite.cases);
  return [...planTarget(cases, { topologies, behaviours, has: () => true })];
}

/** The same with expectations that `bend` makes others of. */
export function bent(plan: PlannedCase, bend: (expected: Expected) => Expected): PlannedCase {
  return {
    ...plan,
    expectations: plan.expectations.map((one) => ({ ...one, expected: bend(one.expected) })),
  };
}

/** `change` is made to the packets of each capture, by their number. */
export function changed(plan: PlannedCase, change: readonly Partial<ExpectedPacket>[]): PlannedCase {
  return bent(plan, (expected) =>
    'packets' in expected
      ? { packets: expected.packets.map((packet, index) => ({ ...packet, ...change[index] })) }
      : expected,
  );
}

/** Exit status where the kernel lacks what a program needs. */
const SKIPPED = 4;

/** The program of `right` passes, where it can run; that of `wrong` says `failures` of what it expects, and nothing else. */
export async function tells(
  t: Test,
  right: PlannedCase,
  wrong: PlannedCase,
  failures: readonly (string | RegExp)[],
): Promise<void> {
  const ran = await compileAndRun(reproducer(right, 'running'));
  t.equal(ran.warnings, '');
  if (ran.exit === SKIPPED) {
    t.comment(ran.stdout);
    return;
  }
  t.equal(ran.exit, 0, 'as it is', { output: ran.stdout + ran.stderr });
  const other = await compileAndRun(reproducer(wrong, 'running'));
  t.equal(other.exit, 1, 'changed', { output: other.stdout + other.stderr });
  t.match(
    other.failures.map((line) => line.replace('FAIL: expected ', '')),
    failures,
  );
  t.equal(other.failures.length, failures.length);
}
