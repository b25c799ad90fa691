/** What the kernel's own test says of each kernel: every run of udpgso.sh, also those after one that failed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shellLine } from '../vm/guest/command.ts';
import { guestMachine } from '../vm/guest.ts';
import { resolveKernel } from '../vm/kernels/resolve.ts';
import { onProgress, note, say } from './command.ts';
import { selftest, type Selftest } from './selftest.ts';

/** A run of udpgso.sh: its title and its command. */
export interface SelftestRun {
  readonly title: string;
  readonly command: string;
}

/** udpgso.sh ends at the first failure, so its runs are read from it and made one by one. */
export function runsOf(udpgso: string): SelftestRun[] {
  return [...udpgso.matchAll(/^echo "(.*)"\n(\.\/in_netns\.sh) "\$0" (.*)$/gm)].map(
    ([, title = '', helper = '', rest = '']) => ({ title, command: `${helper} ./udpgso.sh ${rest}` }),
  );
}

export interface TruthRun {
  readonly status: number;
  /** Last line that it printed. */
  readonly last: string;
}

/** Begins a line of the console that tells of one run. */
const MARK = 'segproof-truth:';
const PATIENCE_MS = 600_000;

const script = (runs: readonly SelftestRun[], { folder, tools }: Selftest): string =>
  [
    `cd ${shellLine([folder])} || exit`,
    `PATH=${shellLine([tools])}:$PATH`,
    ...runs.map(
      ({ command }, at) =>
        `${command} >/tmp/said 2>&1; printf '\\n${MARK} %s %s %s\\n' ${at} $? "$(tail -n 1 /tmp/said)" >/dev/console`,
    ),
    '',
  ].join('\n');

export function parseTruth(console: string, runs: number): (TruthRun | null)[] {
  const told = new Map(
    [...console.matchAll(new RegExp(`^${MARK} (\\d+) (\\d+) (.*?)\\r?$`, 'gm'))].map(
      ([, at, status, last = '']) => [Number(at), { status: Number(status), last }] as const,
    ),
  );
  return Array.from({ length: runs }, (_, at) => told.get(at) ?? null);
}

async function onKernel(
  spec: string,
  test: Selftest,
  runs: readonly SelftestRun[],
): Promise<(TruthRun | null)[]> {
  const kernel = await resolveKernel(spec, { onProgress });
  const folder = mkdtempSync(join(tmpdir(), 'segproof-bench-'));
  try {
    const file = join(folder, 'truth.sh');
    writeFileSync(file, script(runs, test));
    const machine = await guestMachine({ kernel, accel: 'tcg' }).start({
      ...{ command: ['bash', file], folder, bootMs: PATIENCE_MS },
      ...{ signal: new AbortController().signal, onState: () => undefined },
    });
    // No agent runs there, so the first thing to hear is that the guest has ended.
    for await (const message of machine.messages) note(`unexpected: ${JSON.stringify(message)}`);
    const console = await machine.console();
    await machine[Symbol.asyncDispose]();
    return parseTruth(console, runs.length);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Prints the table: `ok`, or the exit status of each run that failed, with what it said last. */
export async function truth(kernels: readonly string[]): Promise<number> {
  const test = await selftest({ onProgress });
  const runs = runsOf(readFileSync(join(test.folder, 'udpgso.sh'), 'utf8'));
  const columns: (TruthRun | null)[][] = [];
  for (const kernel of kernels) {
    note(`${kernel} …`);
    columns.push(await onKernel(kernel, test, runs));
  }
  const word = (run: TruthRun | null): string =>
    run === null ? 'none' : run.status === 0 ? 'ok' : `exit ${run.status}`;
  say(`udpgso.sh of ${test.source}`);
  say(['run'.padEnd(24), ...kernels.map((kernel) => kernel.padEnd(10))].join('').trimEnd());
  for (const [at, { title }] of runs.entries())
    say(
      [title.padEnd(24), ...columns.map((column) => word(column[at] ?? null).padEnd(10))].join('').trimEnd(),
    );
  for (const [which, kernel] of kernels.entries())
    for (const [at, { title }] of runs.entries()) {
      const run = columns[which]?.[at];
      if (run && run.status !== 0) say(`${kernel}, ${title}: ${run.last}`);
    }
  return 0;
}
