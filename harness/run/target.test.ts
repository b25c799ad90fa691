import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { PlannedCase } from '../contract/expectation.ts';
import type { FromAgent, ToAgent } from '../contract/protocol.ts';
import type { CaseResult, RunEvent } from '../contract/result.ts';
import { MachineError, type Machine, type MachineSource } from '../../vm/machine.ts';
import type { Planner } from './planner.ts';
import { run } from './run.ts';

const where = { file: 'suites/x.yaml', line: 1, column: 1 };
const ids = Array.from({ length: 50 }, (_, i) => `x/case-${i}`);

function plannedCase(id: string, more: Partial<PlannedCase> = {}): PlannedCase {
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

function planner(cases: readonly PlannedCase[]): Planner {
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

type Reply = FromAgent | MachineError | 'hang';

/** A machine whose agent answers as told; a MachineError ends it, `hang` falls silent. */
function machine(
  answer: (message: ToAgent, boot: number) => Reply[],
  consoleText = '',
): { source: MachineSource; boots: () => number } {
  let boots = 0;
  const source: MachineSource = {
    target: 'fake',
    describe: () => Promise.resolve([]),
    start() {
      const boot = boots++;
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
          queue.push(...answer(message as ToAgent, boot));
          wake();
        },
        console: () => Promise.resolve(consoleText),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
      return Promise.resolve(made);
    },
  };
  return { source, boots: () => boots };
}

function wellBehaved(): (message: ToAgent) => Reply[] {
  let count = 0;
  return (message) => {
    if (message.type === 'survey') return [{ type: 'survey', kinds: { dummy: 'EOPNOTSUPP' } }];
    if (message.type === 'end') return [{ type: 'bye', started: count, finished: count }];
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

async function go(
  cases: readonly PlannedCase[],
  source: MachineSource,
  signal = new AbortController().signal,
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
      onEvent: (event) => events.push(event),
      signal,
    });
    const journal = readFileSync(join(folder, 'r/journal.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as RunEvent);
    return {
      exit,
      events,
      journal,
      results: events.flatMap((event) => (event.type === 'case-end' ? [event.result] : [])),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const all = ids.map((id) => plannedCase(id));

t.test('every case gets its result, in the journal too, and the run ends with 0', async (t) => {
  const { exit, results, journal, events } = await go(all, machine(wellBehaved()).source);
  t.equal(exit, 0);
  t.same(
    results.map((r) => [r.id, r.outcome]),
    ids.map((id) => [id, 'pass']),
  );
  t.same(journal, events);
  for (const id of ids) {
    const start = journal.findIndex((e) => e.type === 'case-start' && e.id === id);
    const end = journal.findIndex((e) => e.type === 'case-end' && e.result.id === id);
    t.ok(start >= 0 && start < end, `${id} is journalled before and after`);
  }
});

t.test('a need that the kernel lacks skips with its reason, and only skips make exit 4', async (t) => {
  const { exit, results } = await go(
    [plannedCase('x/a', { needs: ['dummy'] }), plannedCase('x/b', { skip: 'no rule here' })],
    machine(wellBehaved()).source,
  );
  t.equal(exit, 4);
  t.same(
    results.map((r) => [r.outcome, r.reason]),
    [
      ['skip', 'this kernel offers no dummy (EOPNOTSUPP)'],
      ['skip', 'no rule here'],
    ],
  );
});

t.test(
  'a machine that dies in a case is replaced; the case is not tried again and the rest goes on',
  async (t) => {
    const usual = wellBehaved();
    let second = wellBehaved();
    const made = machine((message, boot) => {
      if (boot === 1) return second(message);
      second = wellBehaved();
      if (message.type === 'run' && message.program.id === 'x/case-7')
        return [{ type: 'start', id: 'x/case-7' }, new MachineError('lost', 'QEMU ended')];
      return usual(message);
    });
    const { exit, results } = await go(all, made.source);
    t.equal(exit, 1);
    t.equal(made.boots(), 2);
    t.equal(results.length, 50);
    t.same(
      results.filter((r) => r.outcome !== 'pass').map((r) => [r.id, r.outcome, r.reason]),
      [['x/case-7', 'error', 'QEMU ended']],
    );
  },
);

t.test('a panic on the console makes the case a crash', async (t) => {
  const usual = wellBehaved();
  const { source } = machine(
    (message) => (message.type === 'run' ? [new MachineError('lost', 'gone')] : usual(message)),
    '[ 1.0] Kernel panic - not syncing: Fatal exception in interrupt',
  );
  const { exit, results } = await go(all, source);
  t.equal(exit, 1);
  t.same([...new Set(results.map((r) => r.outcome))].sort(), ['crash', 'error']);
  t.match(results[0]?.reason, /the guest panicked: Kernel panic/);
  t.equal(results.length, 50, 'cases that never ran are reported as well');
});

t.test('a machine that never speaks ends the run with 69 and says so for each case', async (t) => {
  const source: MachineSource = {
    ...machine(wellBehaved()).source,
    start: () => Promise.reject(new MachineError('boot-timeout', 'no sign of life for 60 s')),
  };
  const { exit, results } = await go(all, source);
  t.equal(exit, 69);
  t.ok(results.every((r) => r.outcome === 'timeout' && r.reason === 'no sign of life for 60 s'));
  t.equal(results.length, 50);
});

t.test('records in the wrong order, of another case, or counted differently are never a pass', async (t) => {
  const swapped = wellBehaved();
  const wrong = await go(
    all.slice(0, 2),
    machine((m) =>
      m.type === 'run'
        ? swapped(m).map((r) => (typeof r === 'object' && 'id' in r ? { ...r, id: 'x/other' } : r))
        : swapped(m),
    ).source,
  );
  t.equal(wrong.exit, 1);
  t.ok(wrong.results.every((r) => r.outcome === 'error'));
  const other = wellBehaved();
  const foreign = await go(
    all.slice(0, 1),
    machine((m) =>
      other(m).map((r) =>
        typeof r === 'object' && 'evidence' in r ? { ...r, evidence: { ...r.evidence, id: 'x/other' } } : r,
      ),
    ).source,
  );
  t.match(foreign.results[0], { outcome: 'error', reason: /record is of x\/other/ });
});

t.test('an interrupted run says so and keeps what there is', async (t) => {
  const controller = new AbortController();
  const usual = wellBehaved();
  const { source } = machine((message) => {
    if (message.type === 'run' && message.program.id === 'x/case-3') {
      controller.abort();
      return [new MachineError('lost', 'aborted')];
    }
    return usual(message);
  });
  const { results, events } = await go(all, source, controller.signal);
  t.same(
    results.map((r) => r.id),
    ids.slice(0, 3),
  );
  t.match(events.at(-1), { type: 'run-end', interrupted: true });
});
