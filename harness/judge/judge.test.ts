import t from 'tap';
import type { CaseEvidence, Datagram, StepEvidence } from '../contract/evidence.ts';
import type { Expectation, Expected, PlannedCase } from '../contract/expectation.ts';
import type { Action } from '../contract/program.ts';
import { weigh, weighAs } from './behaviours.ts';
import { judge } from './judge.ts';
import { findSplat } from './splat.ts';

const where = { file: 'suites/x.yaml', line: 3, column: 5 };
const receive: Action = {
  do: 'receive',
  socket: 'rx',
  want: 3,
  buffer: 65535,
  control: 256,
  flags: [],
  waitMs: 200,
};
const send: Action = { do: 'send', socket: 'tx', call: 'sendmsg', messages: [], flags: [] };

function planned(pairs: readonly (readonly [Action, Expected])[]): PlannedCase {
  const expectations: Expectation[] = pairs.map(([, expected]) => ({ expected, where, behaviours: [] }));
  return {
    id: 'x/y',
    suite: 'x',
    rule: 'r',
    source: ['s'],
    tags: [],
    where,
    needs: [],
    behaviours: [],
    expectations,
    program: {
      id: 'x/y',
      seed: 1,
      topology: { name: 'l', key: 'l', namespaces: {} },
      actions: pairs.map(([action]) => action),
      deadlineMs: 1000,
    },
  };
}

function evidence(steps: readonly StepEvidence[], more: Partial<CaseEvidence> = {}): CaseEvidence {
  return {
    id: 'x/y',
    steps,
    setup: [],
    kernel: { log: [], taint: { before: 0, after: 0 } },
    durationMs: 1,
    ...more,
  };
}

function datagram(at: number, length: number, more: Partial<Datagram> = {}): Datagram {
  return {
    length,
    payload: [{ stream: 0, at, length }],
    from: '10.0.0.1:4000',
    flags: [],
    control: [],
    ...more,
  };
}

const three = {
  datagrams: [0, 1, 2].map((i) => ({
    length: 100,
    payload: [{ stream: 0, at: i * 100, length: 100 }],
    gro: null,
    flags: [],
  })),
};
const good = [datagram(0, 100), datagram(100, 100), datagram(200, 100)];
const got = (
  datagrams: readonly Datagram[],
  drained: NonNullable<StepEvidence['drained']> = 'sentinel',
): CaseEvidence => evidence([{ ret: datagrams.length, calls: [], datagrams, drained }]);

t.test('three datagrams as sent are a pass with every aspect checked', (t) => {
  const verdict = judge(planned([[receive, three]]), got(good));
  t.equal(verdict.outcome, 'pass');
  t.same(
    verdict.checks.map((check) => check.name),
    ['datagrams', 'bytes', 'UDP_GRO cmsg', 'msg_flags', 'nothing else arrives'].map(
      (aspect) => `receive on rx: ${aspect}`,
    ),
  );
  t.end();
});

t.test('every deviation of a received datagram fails, and the reason says which', (t) => {
  const cases: [string, CaseEvidence, RegExp][] = [
    ['dropped', got([datagram(0, 100), datagram(200, 100)]), /datagrams: expected 3 × 100, got 2 × 100/],
    [
      'doubled',
      got([datagram(0, 100), datagram(0, 100), datagram(100, 100), datagram(200, 100)]),
      /got 4 × 100/,
    ],
    [
      'swapped',
      got([datagram(100, 100), datagram(0, 100), datagram(200, 100)]),
      /bytes: expected 0: bytes 0\.\.99 of send 0, got 0: bytes 100\.\.199 of send 0/,
    ],
    [
      'cut',
      got([datagram(0, 99), datagram(100, 100), datagram(200, 100)]),
      /expected 3 × 100, got 99, 2 × 100/,
    ],
    [
      'flipped',
      got([
        {
          ...datagram(0, 100),
          payload: [
            { stream: 0, at: 0, length: 50 },
            { foreign: 'ff', length: 1 },
            { stream: 0, at: 51, length: 49 },
          ],
        },
        ...good.slice(1),
      ]),
      /1 foreign byte \(ff\)/,
    ],
    [
      'unasked cmsg',
      got([
        {
          ...datagram(0, 100),
          control: [{ level: 'SOL_UDP', type: 'UDP_GRO', length: 4, hex: '64000000', int: 100 }],
        },
        ...good.slice(1),
      ]),
      /UDP_GRO cmsg: expected 0: none, got 0: int 100/,
    ],
    [
      'truncated',
      got([datagram(0, 100, { flags: ['MSG_TRUNC'] }), ...good.slice(1)]),
      /msg_flags: expected 0: 0, got 0: MSG_TRUNC/,
    ],
    [
      'something left',
      got(good, 'more'),
      /nothing else arrives: expected an empty queue, got more datagrams/,
    ],
    ['end mark lost', got(good, 'sentinel-lost'), /end mark was lost/],
  ];
  for (const [name, seen, reason] of cases) {
    const verdict = judge(planned([[receive, three]]), seen);
    t.equal(verdict.outcome, 'fail', name);
    t.match(verdict.reason, reason, name);
  }
  t.end();
});

t.test('a UDP_GRO cmsg of the wrong size or value fails although the number fits', (t) => {
  const one = {
    datagrams: [{ length: 300, payload: [{ stream: 0, at: 0, length: 300 }], gro: 100, flags: [] }],
  };
  const cmsg = (length: number, hex: string, int?: number): CaseEvidence =>
    got([
      {
        ...datagram(0, 300),
        control: [{ level: 'SOL_UDP', type: 'UDP_GRO', length, hex, ...(int === undefined ? {} : { int }) }],
      },
    ]);
  t.equal(judge(planned([[receive, one]]), cmsg(4, '64000000', 100)).outcome, 'pass');
  t.equal(judge(planned([[receive, one]]), cmsg(2, '6400')).outcome, 'fail');
  t.equal(judge(planned([[receive, one]]), cmsg(4, '65000000', 101)).outcome, 'fail');
  t.end();
});

t.test('errno must be exact', (t) => {
  const plan = planned([[send, { error: 'EMSGSIZE' }]]);
  t.equal(judge(plan, evidence([{ ret: -1, errno: 'EMSGSIZE', calls: [] }])).outcome, 'pass');
  t.match(
    judge(plan, evidence([{ ret: -1, errno: 'EINVAL', calls: [] }])).reason,
    /expected -1 EMSGSIZE, got -1 EINVAL/,
  );
  t.match(judge(plan, evidence([{ ret: 10, calls: [] }])).reason, /expected -1 EMSGSIZE, got 10/);
  t.equal(
    judge(planned([[send, { ok: true, returns: 10 }]]), evidence([{ ret: 9, calls: [] }])).outcome,
    'fail',
  );
  t.equal(
    judge(planned([[send, { ok: true }]]), evidence([{ ret: -1, errno: 'EIO', calls: [] }])).outcome,
    'fail',
  );
  t.end();
});

t.test('missing, foreign or unfinished evidence is an error, never a pass', (t) => {
  const plan = planned([[receive, three]]);
  const cases: [string, CaseEvidence][] = [
    ['no step', evidence([])],
    ['no datagrams', evidence([{ ret: 3, calls: [], drained: 'sentinel' }])],
    ['no proof of emptiness', evidence([{ ret: 3, calls: [], datagrams: good }])],
    ['another case', { ...got(good), id: 'x/z' }],
    ['a step too many', evidence([...got(good).steps, { ret: 0, calls: [] }])],
    ['the agent broke', { ...got(good), broken: { kind: 'error', message: 'no topology' } }],
  ];
  for (const [name, seen] of cases) t.equal(judge(plan, seen).outcome, 'error', name);
  t.equal(judge(planned([]), evidence([])).outcome, 'error', 'nothing checked');
  t.equal(judge(plan, { ...got(good), broken: { kind: 'timeout', message: 'too slow' } }).outcome, 'timeout');
  const packets: Action = { do: 'packets', capture: 'c' };
  t.match(
    judge(planned([[packets, { packets: [] }]]), evidence([{ ret: 0, calls: [], packets: [], drops: 2 }]))
      .reason,
    /dropped 2 packets/,
  );
  t.end();
});

t.test('kernel trouble is a crash whatever the sockets said', (t) => {
  const log = [
    '[   12.345678] ------------[ cut here ]------------',
    '[   12.345700] WARNING: CPU: 0 PID: 77 at net/core/dev.c:3300 skb_warn_bad_offload+0xc4/0x120',
    '[   12.345800] RIP: 0010:skb_warn_bad_offload+0xc4/0x120',
    '[   12.345900]  __skb_gso_segment+0x1a0/0x200',
    '[   12.346000]  ? validate_xmit_skb+0x30/0x2a0',
  ];
  const verdict = judge(planned([[receive, three]]), {
    ...got(good),
    kernel: { log, taint: { before: 0, after: 512 } },
  });
  t.equal(verdict.outcome, 'crash');
  t.equal(verdict.fingerprint, 'warning skb_warn_bad_offload __skb_gso_segment');
  t.equal(
    judge(planned([[receive, three]]), {
      ...got(good),
      kernel: { log: null, taint: { before: 0, after: 512 } },
    }).outcome,
    'crash',
  );
  t.equal(
    judge(planned([[receive, three]]), {
      ...got(good),
      kernel: { log: ['[1.0] dummy0: entered promiscuous mode'], taint: { before: 512, after: 512 } },
    }).outcome,
    'pass',
  );
  for (const line of [
    'Kernel panic - not syncing: Fatal exception',
    'BUG: KASAN: use-after-free in udp_x',
    'watchdog: BUG: soft lockup - CPU#0 stuck',
    'unregister_netdevice: waiting for lo to become free. Usage count = 2',
    'rcu: INFO: rcu_sched self-detected stall on CPU',
    'INFO: task agent:12 blocked for more than 120 seconds.',
  ])
    t.not(findSplat([line]), null, line);
  t.end();
});

t.test(
  'a probe alone never turns a failure into a pass on a kernel whose version says what it must do',
  (t) => {
    t.same(weigh('must-have', 'has-not'), { judged: true, note: 'missing' });
    t.same(weigh('must-have', 'has'), { judged: true });
    t.same(weigh('must-not-have', 'has'), { judged: true, note: 'backport' });
    t.same(weigh('must-not-have', 'has-not'), { judged: false });
    t.same(weigh('unknown', 'has'), { judged: true, note: 'observation' });
    t.same(weigh('unknown', 'has-not'), { judged: false, note: 'observation' });
    t.same(weigh('must-have', 'unclear'), { judged: true, note: 'probe-unclear' });
    t.same(weighAs('must-have', 'has-not'), { judged: true, note: 'missing' });
    t.same(weighAs('must-not-have', 'has'), { judged: false });
    t.end();
  },
);

void t.test('a segment size the kernel cannot tell is no difference, a wrong one is', (t) => {
  const packets: Action = { do: 'packets', capture: 'c' };
  const payload = [{ stream: 0, at: 0, length: 200 }];
  const expected: Expected = { packets: [{ payload, gso: 'udp-l4', gsoSize: 100 }] };
  const packet = {
    direction: 'out',
    partialChecksum: true,
    family: 'ipv4',
    ipLength: 228,
    udpLength: 208,
  } as const;
  const rest = {
    checksum: 'partial',
    payload,
    ttl: 64,
    tos: 0,
    from: '10.0.0.1:4000',
    to: '10.0.0.1:9000',
    head: '',
  } as const;
  const outcome = (gso: string, gsoSize: number): string =>
    judge(
      planned([[packets, expected]]),
      evidence([{ ret: 1, calls: [], packets: [{ ...packet, ...rest, gso, gsoSize }], drops: 0 }]),
    ).outcome;
  t.equal(outcome('udp-l4', 100), 'pass');
  t.equal(outcome('udp-l4', 0), 'pass', 'before 6.2');
  t.equal(outcome('udp-l4', 99), 'fail');
  t.equal(outcome('none', 0), 'fail');
  t.end();
});

void t.test('a step that only peeks needs no end of the queue, one that reads does', (t) => {
  const peek: Action = { ...receive, flags: ['MSG_PEEK'], want: 3 };
  const steps = evidence([{ ret: 3, calls: [], datagrams: good }]);
  t.equal(judge(planned([[peek, three]]), steps).outcome, 'pass');
  t.equal(judge(planned([[receive, three]]), steps).outcome, 'error');
  t.end();
});
