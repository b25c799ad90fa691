/** A machine for the tests of runs whose agent answers as it is told to, and a run over such a machine. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlannedCase } from '../contract/expectation.ts';
import type { FromAgent, ToAgent } from '../contract/protocol.ts';
import type { CaseResult, RunEvent } from '../contract/result.ts';
import { MachineError, type Machine, type MachineSource } from '../../vm/machine.ts';
import { parseJournal } from './journal-line.ts';
import type { Planner } from './planner.ts';
import { run, type RunOptions } from './run.ts';

const where = { file: 'suites/x.yaml', line: 1, column: 1 };
export const ids = Array.from({ length: 50 }, (_, i) => `x/case-${i}`);

export function plannedCase(id: string, more: Partial<PlannedCase> = {}): PlannedCase {
  return {
    id,
    suite: 'x',
    rule: 'r',
    source: ['s'],
    tags: [],
    where,
    needs: [],
    behaviours: [],
    expectations: [{ expected: { ok: true, returns: 1 }, where, behaviours: [] }],
    program: {
      id,
      seed: 1,
      topology: { name: 'l', key: 'l', namespaces: {} },
      actions: [{ do: 'send', socket: 'tx', call: 'sendmsg', messages: [], flags: [] }],
      deadlineMs: 50,
    },
    ...more,
  };
}

export function planner(cases: readonly PlannedCase[]): Planner {
  return {
    variants: cases,
    needs: ['dummy'],
    behaviours: [],
    probes: [],
    upstream: () => null,
    stated: () => 'unknown',
    plan: () => cases,
  };
}

export type Reply = FromAgent | MachineError | 'hang';

/** A machine whose agent answers as told; a MachineError ends it, `hang` falls silent. */
export function machine(
  answer: (message: ToAgent, boot: number) => Reply[],
  atFirst = '',
  later = '',
): { source: MachineSource; boots: () => number } {
  let boots = 0;
  const source: MachineSource = {
    target: 'fake',
    describe: () => Promise.resolve([]),
    start() {
      const boot = boots++;
      let asked = 0;
      const queue: Reply[] = [
        {
          type: 'hello',
          protocol: 1,
          release: '6.1.0',
          version: '#1',
          machine: 'x86_64',
          node: 'v20',
          cpus: 1,
          slowness: 1,
          kmsg: true,
        },
      ];
      let wake: () => void = () => undefined;
      async function* messages(): AsyncGenerator<FromAgent> {
        for (;;) {
          const next = queue.shift();
          if (next === undefined)
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          else if (next === 'hang') await new Promise(() => undefined);
          else if (next instanceof MachineError) throw next;
          else yield next;
        }
      }
      const made: Machine = {
        messages: messages(),
        send(message) {
          if ((message as ToAgent).type === 'greet') return;
          queue.push(...answer(message as ToAgent, boot));
          wake();
        },
        console: () => Promise.resolve(asked++ === 0 ? atFirst : atFirst + later),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
      return Promise.resolve(made);
    },
  };
  return { source, boots: () => boots };
}

export function wellBehaved(): (message: ToAgent) => Reply[] {
  let count = 0;
  return (message) => {
    if (message.type === 'survey') return [{ type: 'survey', kinds: { dummy: 'EOPNOTSUPP' } }];
    if (message.type === 'end')
      return [
        { type: 'bye', started: count, finished: count, kernel: { log: [], taint: { before: 0, after: 0 } } },
      ];
    if (message.type === 'greet' || message.type === 'topology') return [];
    count++;
    const { id } = message.program;
    return [
      { type: 'start', id },
      {
        type: 'case',
        evidence: {
          id,
          steps: [{ ret: 1, calls: [`sendmsg() = 1`] }],
          setup: [],
          kernel: { log: [], taint: { before: 0, after: 0 } },
          durationMs: 1,
        },
      },
    ];
  };
}

export async function go(
  cases: readonly PlannedCase[],
  source: MachineSource,
  more: Partial<RunOptions> = {},
): Promise<{ exit: number; results: CaseResult[]; events: RunEvent[]; journal: RunEvent[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'segproof-test-'));
  const events: RunEvent[] = [];
  try {
    const exit = await run({
      tool: '0',
      commandLine: [],
      planner: planner(cases),
      targets: [{ source, upstream: null, bootMs: 100 }],
      judgeAs: null,
      command: [],
      folder: join(folder, 'r'),
      jobs: 1,
      rerun: (target, id) => `run ${target} ${id}`,
      signal: new AbortController().signal,
      ...more,
      onEvent: (event) => {
        events.push(event);
        more.onEvent?.(event);
      },
    });
    const { events: journal } = parseJournal([
      readFileSync(join(more.folder ?? join(folder, 'r'), 'journal.jsonl')),
    ]);
    return {
      exit,
      events,
      journal: [...journal],
      results: events.flatMap((event) => (event.type === 'case-end' ? [event.result] : [])),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
