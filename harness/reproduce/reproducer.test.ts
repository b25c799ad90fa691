import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import t from 'tap';
import { payload } from '../agent/payload.ts';
import { gso, host, inPrivateNamespace, loopback, receive, send, testAgent } from '../agent/test-support.ts';
import { realSystemCalls } from '../agent/libc.ts';
import { survey } from '../agent/survey.ts';
import type { Expected, ExpectedNotice, PlannedCase } from '../contract/expectation.ts';
import type { Action, Endpoint, Family } from '../contract/program.ts';
import type { Topology } from '../contract/topology.ts';
import { judge } from '../judge/judge.ts';
import { loadProject } from '../load/project.ts';
import { planTarget } from '../plan/target.ts';
import { commentLines, cString } from './c-text.ts';
import { inOrder } from './helper.ts';
import { payload as payloadHelper } from './helpers/payload.ts';
import { reproducer } from './reproducer.ts';
import { compileAndRun, planned, row, type Ran, type Step } from './test-support.ts';
import { Unprintable } from './unprintable.ts';

const OK: Expected = { ok: true };
const noCompiler = spawnSync('gcc', ['--version']).error ? 'gcc is not installed' : false;
const print = (
  steps: readonly Step[],
  topology: Topology = loopback(),
  more: Partial<PlannedCase> = {},
): string => reproducer(planned(steps, topology, more), '6.12.95');

const open = (
  socket: string,
  family: Family = 'ipv4',
  ns = 'host',
  protocol: 'udp' | 'udplite' = 'udp',
): Step => [{ do: 'open', socket, ns, family, protocol }, OK];
const bind = (socket: string, to = host()): Step => [
  { do: 'bind', socket, to },
  { ok: true, returns: 0 },
];
const set = (socket: string, option: string, int: number, level = 'SOL_UDP'): Action => ({
  do: 'set',
  socket,
  level,
  option,
  value: { int },
});
const get = (option: string, level = 'SOL_UDP', length = 4): Action => ({
  do: 'get',
  socket: 'tx',
  level,
  option,
  length,
});
const sent = (bytes: number): Expected => ({ ok: true, returns: bytes });

/** SOF_TIMESTAMPING_TX_SOFTWARE, _SOFTWARE, _OPT_ID and _OPT_TSONLY: include/uapi/linux/net_tstamp.h. */
const TX_STAMPS = 0x892;
const errorQueue = (want: number): Action => ({ do: 'errors', socket: 'told', want, waitMs: 200 });

/** Every kind of action on lo; `wrong` bends one expectation of each kind. */
function everything(wrong: boolean): Step[] {
  const or = <T>(right: T, other: T): T => (wrong ? other : right);
  const flipped = row(0, [100, 100, 50]).map((datagram, index) =>
    index === 1 ? { ...datagram, payload: [{ stream: 0, at: 99, length: 100 }] } : datagram,
  );
  return [
    [{ do: 'capture', capture: 'wire', ns: 'host', dev: 'lo', port: 9000 }, OK],
    open('rx'),
    bind('rx'),
    open('tx'),
    [set('tx', 'IP_MTU_DISCOVER', 2, 'SOL_IP'), { ok: true, returns: 0 }],
    [get('IP_MTU_DISCOVER', 'SOL_IP'), { value: { int: or(2, 3), length: 4 } }],
    [get('IP_MTU_DISCOVER', 'SOL_IP', 1), { value: { hex: or('02', '03'), length: 1 } }],
    [get('UDP_SEGMENT', 'SOL_UDP', -1), { error: or('EINVAL', 'EFAULT') }],
    [{ ...set('tx', 'UDP_SEGMENT', 0), value: { null: true } } as Action, { error: 'EINVAL' }],
    [{ ...set('tx', '103', 70000), level: '17' } as Action, { error: or('EINVAL', 'EDOM') }],
    [send(0, 250, 100), sent(or(250, 251))],
    [receive(3), { datagrams: or(row(0, [100, 100, 50]), flipped) }],
    [send(1, 200, 100), sent(200)],
    [receive(2), { datagrams: or(row(1, [100, 100]), row(1, [100])) }],
    [send(2, 200, 100), sent(200)],
    [receive(2), { datagrams: or(row(2, [100, 100]), row(2, [100, 99])) }],
    [send(3, 100), sent(100)],
    [receive(1), { datagrams: or(row(3, [100]), [...row(3, [100]), ...row(4, [7])]) }],
    [set('rx', 'UDP_GRO', 1), OK],
    [send(5, 250, 100), sent(250)],
    [receive(1), { datagrams: row(5, [250], { gro: or(100, 101) }) }],
    [send(6, 100), sent(100)],
    [receive(1), { datagrams: row(6, [100], { gro: or<number | null>(null, 100) }) }],
    [send(7, 500), sent(500)],
    [
      receive(1, { buffer: 40 }),
      {
        datagrams: [
          {
            length: 40,
            payload: [{ stream: 7, at: 0, length: 40 }],
            gro: null,
            flags: or(['MSG_TRUNC'], []),
          },
        ],
      },
    ],
    [{ do: 'connect', socket: 'tx', to: host() }, OK],
    [
      {
        ...send(8, 30, 0),
        messages: [{ stream: 8, iov: [10, 0, 20], control: gso(100) }],
        flags: ['MSG_MORE'],
      } as Action,
      sent(30),
    ],
    [{ do: 'queue', socket: 'tx', which: 'in' }, { bytes: or(0, 1) }],
    [{ ...send(9, 0), messages: [{ stream: 9, iov: [200], control: [] }] } as Action, sent(200)],
    [
      receive(3, { flags: ['MSG_TRUNC'] }),
      {
        datagrams: [
          {
            length: 230,
            payload: [
              { stream: 8, at: 0, length: 30 },
              { stream: 9, at: 0, length: 200 },
            ],
            gro: 100,
            flags: [],
          },
        ],
      },
    ],
    [
      {
        do: 'send',
        socket: 'tx',
        call: 'sendmmsg',
        flags: [],
        messages: [
          { stream: 10, iov: [10], control: [] },
          { stream: 11, iov: [20], control: gso(1400) },
          { stream: 12, iov: [65000, 600], control: [] },
        ],
      },
      { ok: true, returns: 2, lengths: or([10, 20], [10, 21]) },
    ],
    [receive(2), { datagrams: [...row(10, [10]), ...row(11, [20])] }],
    [
      {
        ...send(13, 10),
        messages: [
          {
            stream: 13,
            iov: [10],
            control: [{ level: 'SOL_UDP', type: 'UDP_SEGMENT', value: { int: 5 }, length: 19 }],
          },
        ],
      } as Action,
      { error: or('EINVAL', 'EMSGSIZE') },
    ],
    [
      { ...send(14, 15), messages: [{ stream: 14, iov: [5, 10], unreadable: 1, control: [] }] } as Action,
      { error: or('EFAULT', 'EINVAL') },
    ],
    [{ do: 'connect', socket: 'tx', to: null }, OK],
    open('told'),
    [set('told', 'SO_TIMESTAMPING', TX_STAMPS, 'SOL_SOCKET'), OK],
    [{ ...send(15, 20), socket: 'told' } as Action, sent(20)],
    [receive(1), { datagrams: row(15, [20]) }],
    [
      errorQueue(1),
      {
        notices: [
          {
            origin: 'timestamping',
            errno: or('ENOMSG', 'none'),
            info: 0,
            data: or(0, 1),
            length: 0,
            stamped: true,
          },
        ],
      },
    ],
    [set('told', 'SO_TIMESTAMPING', 0, 'SOL_SOCKET'), OK],
    [errorQueue(0), { notices: or<readonly ExpectedNotice[]>([], [{ origin: 'local' }]) }],
    [set('told', 'SO_ZEROCOPY', 1, 'SOL_SOCKET'), OK],
    [{ ...send(16, 25), socket: 'told', flags: ['MSG_ZEROCOPY'] } as Action, sent(25)],
    [receive(1), { datagrams: row(16, [25]) }],
    [errorQueue(1), { completions: { first: 0, last: or(0, 1), copied: or(true, false) } }],
    [
      { do: 'counters', ns: 'host', names: ['UdpNoPorts', 'UdpInErrors'] },
      { counters: { UdpNoPorts: 0, UdpInErrors: or(0, 1) } },
    ],
    [
      { do: 'packets', capture: 'wire' },
      {
        packets: [
          {
            payload: [{ stream: 0, at: 0, length: 250 }],
            gso: 'udp-l4',
            gsoSize: or(100, 99),
            udpLength: 258,
            ipLength: 278,
            ttl: 64,
            tos: 0,
            df: true,
          },
          { payload: [{ stream: 1, at: 0, length: 200 }], checksum: or('partial', 'good') },
          { payload: [{ stream: 2, at: 0, length: 200 }] },
          { payload: [{ stream: 3, at: or(0, 1), length: 100 }], gso: 'none' },
          ...[5, 6].map((stream) => ({ payload: [{ stream, at: 0, length: stream === 5 ? 250 : 100 }] })),
          { payload: [{ stream: 7, at: 0, length: 500 }] },
          {
            payload: [
              { stream: 8, at: 0, length: 30 },
              { stream: 9, at: 0, length: 200 },
            ],
          },
          { payload: [{ stream: 10, at: 0, length: 10 }] },
          { payload: [{ stream: 11, at: 0, length: 20 }] },
          { payload: [{ stream: 15, at: 0, length: 20 }] },
          ...or([{ payload: [{ stream: 16, at: 0, length: 25 }] }], []),
        ],
      },
    ],
    [{ do: 'close', socket: 'tx' }, OK],
  ];
}

/** Two namespaces and a veth pair, both families. */
const veth: Topology = {
  name: 'veth',
  key: 'veth',
  namespaces: {
    left: {
      links: [
        {
          name: 'l0',
          kind: 'veth',
          peer: { ns: 'right', name: 'r0' },
          mtu: 1500,
          up: true,
          addresses: ['10.1.0.1/24', 'fd01::1/64'],
          features: { 'tx-udp-segmentation': false },
          neighbours: { '10.1.0.2': 'right/r0', 'fd01::2': 'right/r0' },
        },
      ],
      routes: [
        { to: '10.9.0.0/24', dev: 'l0', mtu: 1400 },
        { to: '10.9.0.0/24', dev: 'l0', table: 100 },
      ],
      rules: [{ mark: 9, tos: 8, table: 100 }],
      sysctls: { 'net/ipv4/ip_no_pmtu_disc': '1' },
    },
    right: {
      links: [
        {
          name: 'r0',
          kind: 'veth',
          peer: { ns: 'left', name: 'l0' },
          mtu: 1500,
          up: true,
          addresses: ['10.1.0.2/24', 'fd01::2/64'],
          features: {},
          neighbours: { '10.1.0.1': 'left/l0', 'fd01::1': 'left/l0' },
        },
      ],
      routes: [{ to: 'fd09::/64', dev: 'r0' }],
      sysctls: {},
    },
  },
};

/** 70 bytes of payload, the checksum left to whoever has it next. `csumStart` is right when it is 54. */
const injected = (stream: number, csumStart: number, to: Endpoint): Action => ({
  do: 'inject',
  by: 'packet',
  ns: 'left',
  dev: 'l0',
  hardware: { ns: 'right', dev: 'r0' },
  packet: { kind: 'udp', from: { address: 'fd01::1', port: 9001 }, to, stream, bytes: 70 },
  vnet: { flags: 1, gsoType: 0, hdrLen: 62, gsoSize: 0, csumStart, csumOffset: 6 },
});

/** Changes of every kind between sends, and exact counters beside end marks. */
function changes(wrong: boolean): Step[] {
  const to = { address: 'fd01::2', port: 9000 };
  const end = { sentinel: { ns: 'left', family: 'ipv6', to } } as const;
  return [
    [{ do: 'capture', capture: 'far', ns: 'right', dev: 'r0', port: 9000 }, OK],
    open('rx', 'ipv6', 'right'),
    bind('rx', to),
    open('tx', 'ipv6', 'left'),
    [send(0, 250, 100, to), sent(250)],
    [receive(3, end), { datagrams: row(0, [100, 100, 50]) }],
    [injected(3, 54, to), OK],
    [receive(1, end), { datagrams: row(3, [70]) }],
    [injected(4, 2000, to), { error: wrong ? 'EIO' : 'EINVAL' }],
    [{ do: 'change', change: { kind: 'link', ns: 'left', name: 'l0', mtu: 1280 } }, OK],
    [set('tx', 'IPV6_MTU_DISCOVER', 2, 'SOL_IPV6'), OK],
    [send(1, 1300, 0, to), { error: 'EMSGSIZE' }],
    [
      { do: 'change', change: { kind: 'link', ns: 'left', name: 'l0', mtu: -1 } },
      { error: wrong ? 'EPERM' : 'EINVAL' },
    ],
    [
      {
        do: 'change',
        change: { kind: 'link', ns: 'left', name: 'l0', features: { 'no-such-feature': true } },
      },
      { error: 'EOPNOTSUPP' },
    ],
    [{ do: 'change', change: { kind: 'link', ns: 'left', name: 'l0', up: false } }, OK],
    [send(2, 100, 0, to), { error: 'ENETUNREACH' }],
    [
      { do: 'change', change: { kind: 'sysctl', ns: 'left', key: 'net/ipv4/ip_default_ttl', value: '9' } },
      OK,
    ],
    [
      { do: 'change', change: { kind: 'sysctl', ns: 'left', key: 'net/ipv4/no-such-key', value: '9' } },
      { error: wrong ? 'EIO' : 'ENOENT' },
    ],
    [{ do: 'change', change: { kind: 'link', ns: 'right', name: 'r0', mtu: 9000 } }, OK],
    [{ do: 'change', change: { kind: 'route', ns: 'right', to: '10.8.0.0/16', dev: 'r0', mtu: 1300 } }, OK],
    [{ do: 'change', change: { kind: 'route', ns: 'right', to: '10.8.0.0/16', dev: 'r0', del: true } }, OK],
    [
      { do: 'counters', ns: 'right', names: ['Udp6InDatagrams'] },
      { counters: { Udp6InDatagrams: wrong ? 5 : 4 } },
    ],
    [
      { do: 'packets', capture: 'far' },
      {
        packets: [100, 100, 50, 70].map((length, index) => ({
          payload: [index === 3 ? { stream: 3, at: 0, length } : { stream: 0, at: index * 100, length }],
          gso: 'none',
          ttl: 64,
          checksum: 'partial',
        })),
      },
    ],
  ];
}

// Forty compilations.
t.setTimeout(300_000);
function isPrintable(planned: PlannedCase): boolean {
  try {
    reproducer(planned, 'running');
    return true;
  } catch (error) {
    if (error instanceof Unprintable) return false;
    throw error;
  }
}

await inPrivateNamespace(import.meta.url, async () => {
  if (noCompiler !== false) {
    t.comment(noCompiler);
    return;
  }
  await t.test('text of a case cannot end a string or a comment', async (t) => {
    const hostile = '*/ int x; /* "\\ %s %n ??/ ??) \u202e \u0000 \ud800 é 😀\n#error // \\';
    const source = print([open('rx')], loopback(), {
      id: hostile,
      rule: hostile,
      source: [hostile, ''],
      where: { file: hostile, line: 1, column: 1 },
      behaviours: [hostile],
      expectations: [{ expected: OK, where: { file: hostile, line: 1, column: 1 }, behaviours: [] }],
    });
    const { warnings, exit } = await compileAndRun(source);
    t.equal(warnings, '');
    t.equal(exit, 0);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const body = commentLines('Rule: ', text).join('\n');
        const literal = cString(text)
          .slice(1, -1)
          .replace(/\\(?:[0-7]{3}|[n"\\?])/gu, '');
        return !/\*\/|\/\*|\?\?/u.test(body) && /^[\x20-\x7e]*$/u.test(literal) && !/["\\?]/u.test(literal);
      }),
    );
  });

  await t.test('the program has the payload of the agent', async (t) => {
    const cases = [
      [0, 0],
      [1, 3],
      [4711, 500],
      [0xffffffff, 4095],
    ] as const;
    for (const [seed, stream] of cases) {
      const includes = ['stdio.h', ...(payloadHelper.includes ?? [])]
        .map((name) => `#include <${name}>\n`)
        .join('');
      const helpers = inOrder([payloadHelper])
        .map(({ code }) => code)
        .join('\n');
      const dump = `for (int i = 0; i < 70000; i++) printf("%02x", payload(${stream})[i]);`;
      const source = `${includes}#define SEED ${seed}U\n${helpers}\nint main(void)\n{\n\t${dump}\n\treturn 0;\n}\n`;
      const { stdout } = await compileAndRun(source);
      t.ok(Buffer.from(stdout, 'hex').equals(payload(seed, stream, 70000)), `seed ${seed}, stream ${stream}`);
    }
  });

  await t.test('what cannot be printed is named', (t) => {
    const lo = loopback();
    const refuses = (steps: readonly Step[], what: RegExp, more: Partial<PlannedCase> = {}): void => {
      const error = t.throws(() => print(steps, lo, more), { message: what });
      t.ok(error instanceof Unprintable);
    };
    refuses([[{ do: 'bind', socket: 'x', to: host() }, OK]], /socket x is used before it is opened/);
    refuses([[{ do: 'levitate' } as unknown as Action, OK]], /a step that does "levitate"/);
    refuses([open('tx', 'ipv4', 'nowhere')], /no namespace nowhere/);
    refuses([open('tx'), [set('tx', 'NO_SUCH', 1), OK]], /NO_SUCH is no socket option/);
    refuses([open('tx'), [send(0, 200000), OK]], /a send of 200000 bytes/);
    refuses([], /does not apply to 6\.12\.95: too old/, { skip: 'too old' });
    refuses([[{ do: 'packets', capture: 'wire' }, { packets: [] }]], /capture wire, never started/);
    refuses(
      [
        [{ do: 'capture', capture: 'w', ns: 'host', dev: 'lo', port: 1 }, OK],
        [{ do: 'packets', capture: 'w' }, { packets: [{ payload: [], flowLabel: 3 } as never] }],
      ],
      /packets of which flowLabel is stated/,
    );
    const route = { kind: 'route', ns: 'host', to: '10.0.0.0/8', dev: 'lo' } as const;
    refuses(
      [[{ do: 'change', change: route }, { error: 'EEXIST' }]],
      /a change of a route that must fail with EEXIST/,
    );
    refuses(
      [[{ do: 'change', change: { ...route, dev: 'lo up; reboot' } }, OK]],
      /as a word of a command line/,
    );
    t.end();
  });

  await t.test('a program that is right passes, with every action in it and no warning', async (t) => {
    for (const [source, name] of [
      [print(everything(false)), 'lo'],
      [print(changes(false), veth), 'veth'],
    ] as const) {
      const ran = await compileAndRun(source);
      t.equal(ran.warnings, '', `${name}: no warnings`);
      t.same(ran.failures, [], `${name}: no failures`);
      t.equal(ran.exit, 0, `${name}: exit 0`, { output: ran.stdout + ran.stderr });
      t.match(ran.stdout, /\nPASS\n$/);
    }
  });

  await t.test('each wrong expectation is reported, and everything else still passes', async (t) => {
    const lo = await compileAndRun(print(everything(true)));
    t.equal(lo.exit, 1);
    t.same(lo.failures, [
      'FAIL: expected the value 3, got 2 in 4 bytes',
      'FAIL: expected other bytes than the 1 of this option',
      'FAIL: expected -1 EFAULT (14), got -1 EINVAL (22)',
      'FAIL: expected -1 EDOM (33), got -1 EINVAL (22)',
      'FAIL: expected 251, got 250',
      ...lo.failures
        .filter((line) => /expected byte \d+ of item 1 to be 0x.. \(byte 99 of send 0\), got 0x/u.test(line))
        .slice(0, 1),
      'FAIL: expected 1 datagrams, got 2',
      'FAIL: expected datagram 1 to have 99 bytes, got 100',
      'FAIL: expected 2 datagrams, got 1',
      'FAIL: expected a UDP_GRO cmsg of 101 with datagram 0, got 100',
      'FAIL: expected a UDP_GRO cmsg of 100 with datagram 0, got none',
      'FAIL: expected msg_flags 0x0 with datagram 0, got 0x20',
      'FAIL: expected 1 bytes in the queue, got 0',
      'FAIL: expected message 1 to send 21 bytes, got 20',
      'FAIL: expected -1 EMSGSIZE (90), got -1 EINVAL (22)',
      'FAIL: expected -1 EINVAL (22), got -1 EFAULT (14)',
      'FAIL: notice 0: expected errno 0, got 42',
      'FAIL: notice 0: expected data 1, got 0',
      'FAIL: expected 1 notices, got 0',
      'FAIL: notice 0: expected the data not copied',
      'FAIL: expected completions to 1, got them to 0',
      'FAIL: expected UdpInErrors to go up by 1, got 0',
      'FAIL: expected packet 0 to have gso_size 99, got 100',
      'FAIL: expected packet 1 to have checksum 1, got 3',
      ...lo.failures
        .filter((line) => /expected byte 0 of item 3 to be 0x.. \(byte 1 of send 3\), got 0x/u.test(line))
        .slice(0, 1),
      'FAIL: expected no more packets, got one of 25 bytes',
    ]);
    t.equal(lo.failures.filter((line) => line.includes('expected byte')).length, 2);
    t.match(lo.stdout, '(rule: What is sent arrives.; suites/by-hand.yaml:15)', 'with its rule and place');
    const far = await compileAndRun(print(changes(true), veth));
    t.same(far.failures, [
      'FAIL: expected -1 EIO (5), got -1 EINVAL (22)',
      'FAIL: expected -1 EPERM (1), got -1 EINVAL (22)',
      'FAIL: expected -1 EIO (5), got -1 ENOENT (2)',
      'FAIL: expected Udp6InDatagrams to go up by 5, got 4',
    ]);
  });

  await t.test('what a kernel lacks makes exit 4', async (t) => {
    const ran = await compileAndRun(print([open('tx')], loopback(), { needs: ['no-such-kind'] }));
    t.equal(ran.exit, 4);
    t.match(ran.stdout, 'SKIP: not to be had here: ip link add probe type no-such-kind');
    const ends = { from: '10.1.0.1', to: '10.1.0.2' };
    const to = { address: ends.to, port: 9000 };
    const steps: Step[] = [
      open('tx', 'ipv4', 'left'),
      [{ do: 'change', change: { kind: 'xfrm', ns: 'left', ...ends } }, OK],
      [send(0, 250, 100, to), { error: 'EIO' }],
    ];
    const transformed = await compileAndRun(print(steps, veth, { needs: ['xfrm'] }));
    t.equal(transformed.warnings, '');
    t.ok([0, 4].includes(transformed.exit), 'a transform, where the kernel has them', {
      output: transformed.stdout + transformed.stderr,
    });
  });

  await t.test('20 cases of the suites at random get the verdict of segproof', async (t) => {
    const { suites, topologies, behaviours } = loadProject('.');
    // With all behaviours taken for present, or for absent, some expectations are wrong on any kernel.
    const state = Math.random() < 0.5;
    const cases = suites.flatMap((suite) => suite.cases);
    const all = [...planTarget(cases, { topologies, behaviours, has: () => state })].filter(
      (one) => one.skip === undefined && isPrintable(one),
    );
    const start = Math.floor(Math.random() * all.length);
    const chosen = Array.from({ length: 20 }, (_, i) => {
      const one = all[(start + i * Math.ceil(all.length / 20)) % all.length];
      if (!one) throw new Error('there are no cases');
      return one;
    });
    // All programs first: the agent pins this process, and its children, to one CPU.
    const ran: Ran[] = [];
    for (let i = 0; i < chosen.length; i += 2) {
      const two = chosen.slice(i, i + 2);
      ran.push(...(await Promise.all(two.map((one) => compileAndRun(reproducer(one, 'running'))))));
    }
    const agent = testAgent();
    const have = survey([...new Set(all.flatMap(({ needs }) => needs))], realSystemCalls, agent.namespaces);
    for (const [i, one] of chosen.entries()) {
      const lacks = one.needs.some((need) => have[need] !== null);
      const evidence = agent.run(one.program.actions, { topology: one.program.topology });
      const verdict = lacks ? 'skip' : judge({ ...one, id: evidence.id }, evidence).outcome;
      const { exit = -1, warnings, stdout } = ran[i] ?? {};
      const said = { 0: 'pass', 1: 'fail', 4: 'skip' }[exit] ?? `exit ${exit}`;
      const name = `${one.id}, behaviours ${state ? 'present' : 'absent'}: ${verdict}`;
      t.equal(said, verdict, name, { output: stdout });
      t.equal(warnings, '', 'no warnings');
    }
    agent.dispose();
  });
});
