import { getEventListeners } from 'node:events';
import t from 'tap';
import { MachineError, type MachineSource } from '../../vm/machine.ts';
import { go, ids, machine, plannedCase, wellBehaved } from './fake-run.ts';

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
  'a machine that dies in a case is replaced, the case is tried once more and never passes',
  async (t) => {
    const agents = [wellBehaved(), wellBehaved()];
    const made = machine((message, boot) => {
      if (boot === 0 && message.type === 'run' && message.program.id === 'x/case-7')
        return [{ type: 'start', id: 'x/case-7' }, new MachineError('lost', 'QEMU ended')];
      return agents[boot]?.(message) ?? [];
    });
    const { exit, results, events } = await go(all, made.source);
    t.equal(exit, 1);
    t.equal(made.boots(), 2);
    t.equal(results.length, 51);
    t.same(
      results.filter((r) => r.id === 'x/case-7').map((r) => [r.attempt, r.outcome, r.reason, r.cut]),
      [
        [1, 'error', 'QEMU ended; tried again in a fresh machine', 'lost'],
        [2, 'pass', '', undefined],
      ],
    );
    t.match(events.at(-1), { type: 'run-end', totals: { pass: 49, error: 1 } }, 'the gravest attempt counts');
    t.equal(new Set(results.map((r) => r.id)).size, 50, 'the other cases are complete');
  },
);

t.test(
  'a case that took two machines down is left out, a panic on the console makes it a crash',
  async (t) => {
    const agents = Array.from({ length: 3 }, wellBehaved);
    const trace = ' ? die+0x1/0x2\n udp_gso+0x12/0x90';
    const made = machine(
      (message, boot) =>
        message.type === 'run' && message.program.id === 'x/case-3'
          ? [{ type: 'start', id: 'x/case-3' }, new MachineError('lost', 'gone')]
          : (agents[boot]?.(message) ?? []),
      `[ 1.0] booted\n`,
      `[ 1.1] Kernel panic - not syncing: Fatal exception in interrupt\n${trace}`,
    );
    const { exit, results, events } = await go(all, made.source, { rounds: 2 });
    t.equal(exit, 1);
    t.equal(made.boots(), 3);
    const [first, second, ...more] = results.filter((r) => r.id === 'x/case-3');
    t.match(first, {
      outcome: 'crash',
      fingerprint: 'panic udp_gso',
      reason: /the guest panicked.*tried again/,
    });
    t.match(second, { outcome: 'crash', reason: /left out: it took 2 machines down/ });
    t.same(more, []);
    t.match(events.at(-1), { type: 'run-end', totals: { pass: 49, crash: 1 } });
    t.equal(results.filter((r) => r.outcome === 'pass').length, 98, 'both rounds of all others');
  },
);

t.test('a kernel that broke without dying is given up, and the case is not tried again', async (t) => {
  const agents = Array.from({ length: 2 }, wellBehaved);
  const made = machine((message, boot) =>
    (agents[boot]?.(message) ?? []).map((reply) =>
      message.type === 'run' &&
      message.program.id === 'x/case-5' &&
      typeof reply === 'object' &&
      'evidence' in reply
        ? {
            ...reply,
            evidence: {
              ...reply.evidence,
              kernel: {
                log: ['<1>BUG: KASAN: slab-out-of-bounds in a+0x1/0x2'],
                taint: { before: 0, after: 0 },
              },
            },
          }
        : reply,
    ),
  );
  const { results, events } = await go(all, made.source);
  t.equal(made.boots(), 2);
  t.equal(results.length, 50);
  t.match(
    results.find((r) => r.id === 'x/case-5'),
    { outcome: 'crash', attempt: 1, fingerprint: 'kasan a' },
  );
  t.match(events.at(-1), { type: 'run-end', totals: { pass: 49, crash: 1 } });
});

t.test('an outcome that differs between rounds is flaky and no pass', async (t) => {
  const usual = wellBehaved();
  const seen = new Map<string, number>();
  const flaky = machine((message) => {
    const id = message.type === 'run' ? message.program.id : '';
    seen.set(id, (seen.get(id) ?? 0) + 1);
    return usual(message).map((reply) =>
      id === 'x/case-9' && seen.get(id) === 2 && typeof reply === 'object' && 'evidence' in reply
        ? { ...reply, evidence: { ...reply.evidence, steps: [{ ret: -1, errno: 'EIO', calls: [] }] } }
        : reply,
    );
  });
  const { exit, results, events } = await go(all, flaky.source, { rounds: 3 });
  t.equal(exit, 1);
  t.same(
    results.filter((r) => r.id === 'x/case-9').map((r) => [r.attempt, r.outcome]),
    [
      [1, 'pass'],
      [2, 'fail'],
      [3, 'pass'],
    ],
  );
  const repeats = results.filter((r) => r.id === 'x/case-8');
  t.same(
    repeats.map((r) => [r.outcome, r.calls.length > 0, r.checks.length > 0]),
    [
      ['pass', true, true],
      ['pass', false, false],
      ['pass', false, false],
    ],
    'what a repeat that passed did is left to its evidence',
  );
  t.match(events.at(-1), { totals: { pass: 49, fail: 1 } });
  seen.clear();
  const stopped = await go(all, flaky.source, { rounds: Infinity, untilFail: true });
  t.match(stopped.results.at(-1), { id: 'x/case-9', attempt: 2, outcome: 'fail' }, 'nothing is run after it');
});

t.test('a run whose deadline comes tells of the cases it did not get to', async (t) => {
  const usual = wellBehaved();
  const { source } = machine((message) =>
    message.type === 'run' && message.program.id === 'x/case-4' ? ['hang'] : usual(message),
  );
  const { exit, results } = await go(all, source, { deadlineMs: 50 });
  t.equal(exit, 1);
  t.equal(results.length, 50);
  t.match(results.at(-1), { outcome: 'timeout', cut: 'not-run', reason: /deadline of 0.05 s/ });
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
  const { results, events } = await go(all, machine(wellBehaved()).source, {
    signal: controller.signal,
    onEvent: (event) => {
      if (event.type === 'case-end' && event.result.id === 'x/case-2') controller.abort();
    },
  });
  t.same(
    results.map((r) => r.id),
    ids.slice(0, 3),
  );
  t.match(events.at(-1), { type: 'run-end', interrupted: true });
});

t.test(
  'what the kernel says after the last case, or a farewell that is missing, is laid to that case',
  async (t) => {
    const log = ['<4>unregister_netdevice: waiting for veth0 to become free. Usage count = 2'];
    const usual = wellBehaved();
    const leaking = await go(
      all,
      machine((message) =>
        usual(message).map((reply) =>
          typeof reply === 'object' && 'finished' in reply
            ? { ...reply, kernel: { log, taint: { before: 0, after: 0 } } }
            : reply,
        ),
      ).source,
    );
    t.equal(leaking.exit, 1);
    t.match(leaking.results.at(-1), {
      id: 'x/case-49',
      attempt: 1,
      outcome: 'crash',
      fingerprint: 'leaked-reference',
      reason: /after its end: kernel log: unregister_netdevice/,
    });
    t.match(leaking.events.at(-1), { totals: { pass: 49, crash: 1 } });
    const other = wellBehaved();
    const rude = await go(
      all,
      machine((message) => (message.type === 'end' ? [new MachineError('lost', 'gone')] : other(message)))
        .source,
    );
    t.equal(rude.exit, 1);
    t.match(rude.results.at(-1), { id: 'x/case-49', outcome: 'error', reason: 'after its end: gone' });
  },
);

t.test('a kernel that crashes before the first case is seen in the results', async (t) => {
  const made = machine((message) => (message.type === 'survey' ? [new MachineError('crash', 'oops')] : []));
  const { exit, results } = await go(all, {
    ...made.source,
    start: (options) => {
      options.onState('running', '');
      return made.source.start(options);
    },
  });
  t.equal(exit, 1);
  t.equal(made.boots(), 3, 'it is given up before every case has had its turn');
  t.match(results[0], { outcome: 'crash', cut: 'lost' });
  t.match(results.at(-1), { outcome: 'error', cut: 'not-run' });
});

t.test(
  'cases in a row that take their machines down are all left out, and the rest still runs',
  async (t) => {
    const agents = Array.from({ length: 7 }, wellBehaved);
    const bad = new Set(['x/case-4', 'x/case-5', 'x/case-6']);
    const made = machine((message, boot) =>
      message.type === 'run' && bad.has(message.program.id)
        ? [{ type: 'start', id: message.program.id }, new MachineError('lost', 'gone')]
        : (agents[boot]?.(message) ?? []),
    );
    const { events } = await go(all, made.source);
    t.equal(made.boots(), 7);
    t.match(events.at(-1), { totals: { pass: 47, error: 3 } });
  },
);

t.test('a machine that is gone no longer listens to whether the run is interrupted', async (t) => {
  const { source } = machine(wellBehaved());
  const signals: AbortSignal[] = [];
  const { exit } = await go(all, {
    ...source,
    start: (options) => {
      signals.push(options.signal);
      return source.start(options);
    },
  });
  t.equal(exit, 0);
  t.equal(signals.length, 1);
  for (const signal of signals) t.same(getEventListeners(signal, 'abort'), []);
});
