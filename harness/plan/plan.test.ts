import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'tap';
import type { Expected, PlannedCase } from '../contract/expectation.ts';
import type { Action } from '../contract/program.ts';
import { withReference } from '../load/schema/reference.ts';
import { loadProject } from '../load/project.ts';
import { formatProblem, ProblemError } from '../load/problem.ts';
import { projectOf, suiteText } from '../load/testing.ts';
import { explainPlan, explainSections } from './explain.ts';
import { combinations, expand } from './expand.ts';
import { planProblems } from './lint.ts';
import { createPlanner, variantInfos } from './planner.ts';
import { probePrograms } from './probes.ts';
import { Streams } from './stream.ts';
import { planTarget, seedOf } from './target.ts';

const ROOT = join(import.meta.dirname, '..', '..');

function plan(cases: string, has: readonly string[] = [], head = ''): PlannedCase[] {
  const project = projectOf(suiteText(cases, head));
  if (project.problems.length > 0) throw new Error(project.problems.map(formatProblem).join('\n'));
  const { topologies, behaviours } = project;
  const all = project.suites.flatMap((suite) => suite.cases);
  return [...planTarget(all, { topologies, behaviours, has: (name) => has.includes(name) })];
}

function problemsOf(cases: string, has: readonly string[] = []): string[] {
  try {
    plan(cases, has);
    return [];
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return error.problems.map(formatProblem);
  }
}

const only = (planned: readonly PlannedCase[]): PlannedCase =>
  planned[0] ??
  (() => {
    throw new Error('nothing planned');
  })();
const verbs = ({ program }: PlannedCase): string[] => program.actions.map((action) => action.do);
const sends = ({ program }: PlannedCase) =>
  program.actions.filter((action): action is Extract<Action, { do: 'send' }> => action.do === 'send');
const expectedOf = (planned: PlannedCase, verb: Action['do']): Expected[] =>
  planned.expectations
    .filter((_, i) => planned.program.actions[i]?.do === verb)
    .map(({ expected }) => expected);
const lengths = (expected: Expected | undefined): number[] =>
  expected && 'datagrams' in expected ? expected.datagrams.map(({ length }) => length) : [-1];

const ONE = 'rule: r, axes: { family: [ipv4]';

test('ids name the axes with more than one value, in alphabetical order', (t) => {
  const { variants } = expand('s/c', { z: [1, 2], one: ['x'], a: ['p', 'q'] }, [{ z: 2, a: ['q'] }]);
  t.same(
    variants.map(({ id }) => id),
    ['s/c[a=p,z=1]', 's/c[a=q,z=1]', 's/c[a=p,z=2]'],
  );
  t.same(
    expand('s/c', { one: [1] }, []).variants.map(({ id }) => id),
    ['s/c'],
  );
  t.same(expand('s/c', {}, []).variants, [{ id: 's/c', values: {} }]);
  t.end();
});

test('every combination is either a variant with an id of its own or excluded', (t) => {
  const name = fc.stringMatching(/^[a-z]{1,3}$/);
  const values = fc.uniqueArray(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom('x', 'y', 'z')), {
    minLength: 1,
    maxLength: 4,
  });
  const axes = fc.dictionary(name, values, { maxKeys: 4, noNullPrototype: true });
  fc.assert(
    fc.property(axes, fc.nat(), (given, pick) => {
      const [first] = Object.entries(given);
      const exclude = first ? [{ [first[0]]: first[1][pick % first[1].length] ?? 0 }] : [];
      const { variants, excluded } = expand('s/c', given, exclude);
      const total = variants.length + (excluded[0] ?? 0);
      return total === combinations(given) && new Set(variants.map(({ id }) => id)).size === variants.length;
    }),
    { seed: 1 },
  );
  t.end();
});

test('the short form is a receiver, a sender that forbids fragments, one send and one receive', (t) => {
  const planned = only(
    plan(
      `  c: { ${ONE} }, send: { bytes: 2 * mss + 1, gso: mss }, expect: { datagrams: [{ repeat: 2, bytes: mss }, 1] } }\n`,
    ),
  );
  t.same(verbs(planned), ['open', 'bind', 'open', 'set', 'send', 'receive']);
  t.match(planned.program.actions[1], { do: 'bind', to: { address: '10.0.0.1', port: 9000 } });
  t.match(planned.program.actions[3], { level: 'SOL_IP', option: 'IP_MTU_DISCOVER', value: { int: 2 } });
  t.match(sends(planned)[0], {
    messages: [
      {
        iov: [2945],
        to: { address: '10.0.0.1', port: 9000 },
        control: [{ level: 'SOL_UDP', type: 'UDP_SEGMENT', value: { u16: 1472 } }],
      },
    ],
  });
  t.match(expectedOf(planned, 'send'), [{ ok: true, returns: 2945 }]);
  t.same(expectedOf(planned, 'receive'), [
    {
      datagrams: [
        { length: 1472, gro: null, flags: [], payload: [{ stream: 0, at: 0, length: 1472 }] },
        { length: 1472, gro: null, flags: [], payload: [{ stream: 0, at: 1472, length: 1472 }] },
        { length: 1, gro: null, flags: [], payload: [{ stream: 0, at: 2944, length: 1 }] },
      ],
    },
  ]);
  t.match(planned.program.actions[5], {
    want: 3,
    sentinel: { ns: 'host', family: 'ipv4', to: { address: '10.0.0.1', port: 9000 } },
  });
  t.equal(planned.program.seed, seedOf('area/test/c'));
  t.equal(planned.expectations.length, planned.program.actions.length);
  t.end();
});

test('request and sender say how the segment size is asked for and how it is sent', (t) => {
  const all = plan(
    `  c: { rule: r, axes: { family: [ipv6], request: [cmsg, setsockopt], sender: [unconnected, connected, corked] }, send: { bytes: 100, gso: 60 }, expect: { datagrams: [60, 40] } }\n`,
  );
  const by = (request: string, sender: string): PlannedCase =>
    only(all.filter(({ id }) => id.endsWith(`[request=${request},sender=${sender}]`)));
  t.same(verbs(by('setsockopt', 'connected')), [
    'open',
    'bind',
    'open',
    'set',
    'set',
    'connect',
    'send',
    'receive',
  ]);
  t.match(by('setsockopt', 'connected').program.actions[4], { option: 'UDP_SEGMENT', value: { int: 60 } });
  t.match(sends(by('setsockopt', 'connected')), [{ messages: [{ control: [] }] }]);
  t.notOk(sends(by('cmsg', 'connected'))[0]?.messages[0]?.to, 'a connected socket names no address');
  const corked = by('cmsg', 'corked');
  t.match(sends(corked), [
    { flags: ['MSG_MORE'], messages: [{ iov: [1], control: [{ type: 'UDP_SEGMENT' }] }] },
    { flags: [], messages: [{ iov: [99], control: [{ type: 'UDP_SEGMENT' }] }] },
  ]);
  t.match(expectedOf(corked, 'receive'), [
    {
      datagrams: [
        {
          length: 60,
          payload: [
            { stream: 0, at: 0, length: 1 },
            { stream: 1, at: 0, length: 59 },
          ],
        },
        { length: 40 },
      ],
    },
  ]);
  t.end();
});

test('a corked send that is refused fails at its end, and nothing arrives', (t) => {
  const planned = only(
    plan(`  c: { ${ONE}, sender: [corked] }, send: { bytes: 129, gso: 1 }, expect: { error: EINVAL } }\n`),
  );
  t.same(expectedOf(planned, 'send'), [{ ok: true, returns: 1 }, { error: 'EINVAL' }]);
  t.same(expectedOf(planned, 'receive'), [{ datagrams: [] }]);
  const single = only(
    plan(`  c: { ${ONE}, sender: [corked] }, send: { bytes: 1, gso: 1 }, expect: { datagrams: [1] } }\n`),
  );
  t.equal(sends(single).length, 1, 'one byte cannot be corked');
  t.end();
});

test('a repeated send expects the same each time', (t) => {
  const planned = only(
    plan(`  c: { ${ONE} }, send: { bytes: 3, gso: 2, repeat: 3 }, expect: { datagrams: [2, 1] } }\n`),
  );
  t.equal(sends(planned).length, 3);
  t.same(lengths(expectedOf(planned, 'receive')[0]), [2, 1, 2, 1, 2, 1]);
  t.end();
});

test('without a receiver the packets are looked for on the wire', (t) => {
  const planned = only(
    plan(`  c: { ${ONE} }, topology: sink, send: { bytes: 3, gso: 2 }, expect: { datagrams: [2, 1] } }\n`),
  );
  t.same(verbs(planned), ['open', 'set', 'capture', 'send', 'packets']);
  t.same(expectedOf(planned, 'packets'), [
    {
      packets: [
        { payload: [{ stream: 0, at: 0, length: 2 }] },
        { payload: [{ stream: 0, at: 2, length: 1 }] },
      ],
    },
  ]);
  t.same(planned.needs, ['dummy']);
  const refused = only(
    plan(`  c: { ${ONE} }, topology: sink, send: { bytes: 3, gso: 2 }, expect: { error: EIO } }\n`),
  );
  t.same(expectedOf(refused, 'packets'), [{ packets: [] }]);
  const both = only(
    plan(
      `  c: { ${ONE} }, send: { bytes: 3, gso: 2 }, expect: { datagrams: [2, 1], wire: [{ bytes: 3, gso: udp-l4, gso_size: 2, checksum: partial }] } }\n`,
    ),
  );
  t.same(verbs(both), ['open', 'bind', 'open', 'set', 'capture', 'send', 'receive', 'packets']);
  t.match(expectedOf(both, 'packets'), [
    { packets: [{ gso: 'udp-l4', gsoSize: 2, checksum: 'partial', payload: [{ length: 3 }] }] },
  ]);
  t.end();
});

test('behaviours decide by name, by has() and by the constants they imply, and are on record', (t) => {
  const cases =
    `  a: { ${ONE} }, send: { bytes: max_segments + 1, gso: 1 }, expect: { error: EINVAL } }\n` +
    `  b: { ${ONE} }, send: { bytes: 9, gso: 2000 }, expect: [{ when: small-send-ignores-gso-size, datagrams: [9] }, { otherwise: true, error: EINVAL }] }\n` +
    `  c: { rule: r, send: { bytes: 9 }, expect: [{ when: 'family == "ipv6" && has("max-128-segments")', error: EIO }, { otherwise: true, datagrams: [9] }] }\n` +
    `  d: { ${ONE} }, send: { bytes: 9 }, expect: { datagrams: [9] } }\n`;
  const byId = (planned: readonly PlannedCase[], id: string): PlannedCase =>
    only(planned.filter((one) => one.id === `area/test/${id}`));
  const old = plan(cases);
  const now = plan(cases, ['max-128-segments', 'small-send-ignores-gso-size']);
  t.same(sends(byId(old, 'a'))[0]?.messages[0]?.iov, [65]);
  t.same(sends(byId(now, 'a'))[0]?.messages[0]?.iov, [129]);
  t.same(byId(now, 'a').behaviours, ['max-128-segments']);
  t.same(expectedOf(byId(old, 'b'), 'send'), [{ error: 'EINVAL' }]);
  t.same(lengths(expectedOf(byId(now, 'b'), 'receive')[0]), [9]);
  t.same(
    byId(now, 'b').expectations.map(({ behaviours }) => behaviours.length),
    [0, 0, 0, 0, 1, 1],
    'the sockets do not depend on it',
  );
  t.same(byId(now, 'c[family=ipv4]').behaviours, [], 'what was not asked did not decide');
  t.same(byId(now, 'c[family=ipv6]').behaviours, ['max-128-segments']);
  t.same(byId(now, 'd').behaviours, []);
  t.same(
    [byId(old, 'b').expectations[4]?.where, byId(now, 'b').expectations[4]?.where].map(
      (where) => where?.column,
    ),
    [138, 83],
    'each alternative has its place',
  );
  t.end();
});

test('a let passes on what it depends on, when something reads it', (t) => {
  const cases = `  a: { ${ONE} }, send: { bytes: over, gso: 1 }, expect: { error: EINVAL } }\n  b: { ${ONE} }, send: { bytes: 1 }, expect: { datagrams: [1] } }\n`;
  const [a, b] = plan(cases, [], 'let: { most: max_segments, over: most + 1 }\n');
  t.same(a?.behaviours, ['max-128-segments']);
  t.same(b?.behaviours, []);
  t.end();
});

test('a case that does not apply is skipped with its reason, and does nothing', (t) => {
  const planned = only(
    plan(
      `  c: { ${ONE} }, skip_when: [{ when: max-128-segments, reason: too new }], send: { bytes: 1 }, expect: { datagrams: [1] } }\n`,
      ['max-128-segments'],
    ),
  );
  t.equal(planned.skip, 'too new');
  t.same(planned.program.actions, []);
  t.same(planned.behaviours, ['max-128-segments']);
  t.end();
});

const STEPS = `  c:
    rule: r
    axes: { family: [ipv6], option: [IPV6_TCLASS] }
    steps:
      - open: { socket: r, at: receiver, bind: any, port: 9001, options: { UDP_GRO: 1 } }
      - open: { socket: s, connect: { to: receiver, port: 9001 }, options: { IPV6_MTU_DISCOVER: probe, SO_RCVTIMEO: 1500, SO_BINDTODEVICE: lo } }
      - set: { socket: s, option: $option, value: 32 }
      - get: { socket: s, option: UDP_SEGMENT, length: 2 }
        expect: { value: 258, length: 2 }
      - send: { socket: s, iov: [1, 2, 3], gso: 0, control: [{ type: 105, hex: "0a0B", length: 1 }], flags: [MSG_DONTWAIT] }
      - send: { socket: s, bytes: 70000 }
        expect: { error: EMSGSIZE }
      - sendmmsg: { socket: s, messages: [{ bytes: 4 }, { bytes: 5 }] }
        expect: { sent: 1 }
      - receive: { socket: r, buffer: 3 }
        expect: { datagrams: [{ bytes: 3, of: 6, flags: [MSG_TRUNC] }, { bytes: 3, of: 4, gro: 2, flags: [MSG_TRUNC] }] }
      - queue: { socket: s, which: out }
        expect: { bytes: 0 }
      - counters: { at: receiver }
        expect: { Udp6InDatagrams: 2 }
      - link: { dev: lo, mtu: mtu - 1, up: true, features: { tx-udp-segmentation: false } }
      - sysctl: { key: net/ipv4/ip_no_pmtu_disc, value: true }
      - route: { to: receiver, dev: lo, mtu: 1400, local: true }
      - connect: { socket: s, to: none }
      - receive: { socket: r }
      - xfrm: { from: sender, to: receiver }
      - receive: { socket: r, wait: 5 }
      - close: { socket: s }
`;

test('steps become actions with their sizes, names and addresses fixed', (t) => {
  const planned = only(plan(STEPS));
  const by = (verb: Action['do']): Action[] => planned.program.actions.filter((action) => action.do === verb);
  t.match(by('bind'), [{ to: { address: '::', port: 9001 } }]);
  t.match(by('connect'), [{ to: { address: 'fd00::1', port: 9001 } }, { to: null }]);
  t.match(by('set'), [
    { option: 'UDP_GRO', level: 'SOL_UDP', value: { int: 1 } },
    { option: 'IPV6_MTU_DISCOVER', value: { int: 3 } },
    { option: 'SO_RCVTIMEO', value: { hex: '010000000000000020a1070000000000' } },
    { option: 'SO_BINDTODEVICE', value: { hex: '6c6f00' } },
    { option: 'IPV6_TCLASS', level: 'SOL_IPV6', value: { int: 32 } },
  ]);
  t.same(expectedOf(planned, 'get'), [{ value: { hex: '0201', length: 2 } }]);
  t.match(sends(planned), [
    {
      call: 'sendmsg',
      flags: ['MSG_DONTWAIT'],
      messages: [
        {
          stream: 0,
          iov: [1, 2, 3],
          control: [
            { value: { u16: 0 } },
            { level: 'SOL_UDP', type: '105', value: { hex: '0a0b' }, length: 1 },
          ],
        },
      ],
    },
    { messages: [{ stream: 1, iov: [70000] }] },
    { call: 'sendmmsg', messages: [{ stream: 2 }, { stream: 3 }] },
  ]);
  t.same(expectedOf(planned, 'send'), [
    { ok: true, returns: 6 },
    { error: 'EMSGSIZE' },
    { ok: true, returns: 1, lengths: [4] },
  ]);
  t.match(expectedOf(planned, 'receive')[0], {
    datagrams: [
      { length: 3, gro: null, flags: ['MSG_TRUNC'], payload: [{ stream: 0, at: 0, length: 3 }] },
      { length: 3, gro: 2, payload: [{ stream: 2, at: 0, length: 3 }] },
    ],
  });
  t.match(by('change'), [
    { change: { kind: 'link', mtu: 1499, up: true, features: { 'tx-udp-segmentation': false } } },
    { change: { kind: 'sysctl', value: '1' } },
    { change: { kind: 'route', to: 'fd00::1/128', mtu: 1400, local: true } },
    { change: { kind: 'xfrm', from: 'fd00::1', to: 'fd00::1' } },
  ]);
  t.match(by('counters'), [{ names: ['Udp6InDatagrams'] }]);
  t.same(
    by('receive').map((action) => 'sentinel' in action),
    [true, true, false],
    'a transformed path has no sentinel',
  );
  t.equal(planned.program.deadlineMs, 5000 + 200 + 200 + 5);
  t.end();
});

test('a receive has no sentinel where none could arrive', (t) => {
  const receives = (steps: string): boolean[] =>
    only(plan(`  c:\n    ${ONE.replace(', axes', '\n    axes')} }\n    steps:\n${steps}`))
      .program.actions.filter((action) => action.do === 'receive')
      .map((action) => 'sentinel' in action);
  const open = '      - open: { socket: r, at: receiver, bind: receiver';
  t.same(receives(`${open} }\n      - receive: { socket: r }\n`), [true]);
  t.same(receives(`${open}, connect: sender }\n      - receive: { socket: r }\n`), [false], 'connected');
  t.same(receives(`      - open: { socket: r }\n      - receive: { socket: r }\n`), [false], 'not bound');
  t.same(receives(`${open} }\n      - receive: { socket: r, flags: [MSG_PEEK] }\n`), [false], 'peeking');
  const unordered = only(
    plan(`  c: { ${ONE} }, topology: ifb, send: { bytes: 1 }, expect: { datagrams: [1] } }\n`),
  );
  t.notOk(
    unordered.program.actions.some((action) => action.do === 'receive' && action.sentinel),
    'ifb does not keep order',
  );
  t.end();
});

test('what cannot be is a problem at its place', (t) => {
  const CASES: readonly (readonly [string, RegExp])[] = [
    [
      'send: { bytes: mtu - 2000 }, expect: { datagrams: [1] }',
      /:7:\d+: comes to -500; expected 0 to 1000000/,
    ],
    ['send: { bytes: mtu / (mtu - 1500) }, expect: { datagrams: [1] }', /:7:\d+: .*division by zero/],
    [
      'send: { bytes: 10 }, expect: { datagrams: [11] }',
      /:7:\d+: expects 11 bytes here, but less than that was sent/,
    ],
    [
      'send: { bytes: 10 }, expect: { datagrams: [{ bytes: 1, repeat: 1000000000 }] }',
      /:7:\d+: comes to 1000000000; expected 0 to 4096/,
    ],
    [
      'send: { bytes: 10 }, expect: { datagrams: [{ bytes: 10, from_send: 3 }] }',
      /:7:\d+: send 3 has not been done/,
    ],
    [
      'send: { bytes: 10, gso: 65536 }, expect: { datagrams: [10] }',
      /:7:\d+: comes to 65536; expected 0 to 65535/,
    ],
  ];
  for (const [body, pattern] of CASES)
    t.match(problemsOf(`  c: { ${ONE} }, ${body} }\n`).join('\n'), pattern, body);
  t.match(
    problemsOf(`  c: { rule: r, axes: { family: [] }, send: { bytes: 1 }, expect: { datagrams: [1] } }\n`),
    [/which family\?; expected ipv4 or ipv6/],
  );
  t.end();
});

test('a device that the topology does not have is a problem at its place, with those it has', (t) => {
  for (const step of [
    'capture: { name: c, at: sender, dev: sunk }',
    'inject: { dev: sunk, bytes: 1 }',
    'link: { dev: sunk, up: false }',
    'route: { to: receiver, dev: sunk }',
  ]) {
    const found = problemsOf(
      `  c: { ${ONE} }, topology: sink, steps: [{ open: { socket: s } }, { ${step} }, { send: { socket: s, to: receiver, bytes: 1 } }] }\n`,
    ).join('\n');
    t.match(
      found,
      /:7:\d+: no device "sunk" in namespace host of the topology; expected sink, lo; did you mean "sink"\?/,
      step,
    );
  }
  t.same(
    problemsOf(
      `  c: { ${ONE} }, topology: sink, steps: [{ open: { socket: s } }, { link: { dev: lo, up: true } }, { send: { socket: s, to: receiver, bytes: 1 } }] }\n`,
    ),
    [],
    'lo is in every namespace',
  );
  t.end();
});

test('lint finds alternatives no kernel reaches and axes that change nothing', (t) => {
  const lint = (cases: string): string[] => planProblems(projectOf(suiteText(cases))).map(formatProblem);
  const send = 'send: { bytes: 1 }';
  t.same(
    lint(
      `  c: { rule: r, ${send}, expect: [{ when: max-128-segments, error: EIO }, { otherwise: true, datagrams: [1] }] }\n`,
    ),
    [],
  );
  t.match(
    lint(
      `  c: { rule: r, ${send}, expect: [{ when: mtu > 1, datagrams: [1] }, { otherwise: true, error: EIO }] }\n`,
    ),
    [/^test.yaml:7:\d+: this alternative is never reached/],
  );
  t.match(lint(`  c: { rule: r, axes: { colour: [red, blue] }, ${send}, expect: { datagrams: [1] } }\n`), [
    /^test.yaml:7:25: the axis "colour" makes no difference.*or "axes: \{ colour: \[\] \}"/,
  ]);
  t.same(
    lint(
      `  c: { rule: r, axes: { option: [IP_TTL, IPV6_TCLASS] }, exclude: [{ family: ipv4, option: IPV6_TCLASS }, { family: ipv6, option: IP_TTL }], ${send}, expect: { datagrams: [1] } }\n`,
    ),
    [],
    'an axis bound to another one multiplies nothing',
  );
  t.same(
    lint(
      `  c: { rule: r, skip_when: [{ when: max-128-segments, reason: a }, { when: '!has("small-send-ignores-gso-size")', reason: b }], ${send}, expect: { datagrams: [1] } }\n`,
    ),
    [],
    'also when most kernels skip the case',
  );
  t.end();
});

test('a probe is one program with two answers', (t) => {
  const { behaviours, topologies } = projectOf(suiteText(''));
  const [segments, small] = probePrograms(behaviours.list, topologies);
  t.match(segments, { behaviour: 'max-128-segments', program: { id: 'probe/max-128-segments' }, needs: [] });
  t.match(segments?.program.actions.at(-1), { do: 'receive', want: 65 }, 'waits for the larger answer');
  t.match(segments?.has.at(-2), { expected: { ok: true, returns: 65 } });
  t.match(segments?.lacks.at(-2), { expected: { error: 'EINVAL' } });
  t.match(small?.has.at(-1), { expected: { returns: 100 }, where: { file: 'behaviours.yaml' } });
  t.match(small?.lacks.at(-1), { expected: { error: 'EINVAL' } });
  t.not(small?.has.at(-1)?.where.line, small?.lacks.at(-1)?.where.line, 'each answer has its place');
  t.end();
});

test('bytes are taken in order from the sends that succeeded, each once', (t) => {
  const send = fc.record({ length: fc.nat(50), ok: fc.boolean() });
  fc.assert(
    fc.property(fc.array(send, { maxLength: 8 }), fc.array(fc.nat(40), { maxLength: 12 }), (sent, takes) => {
      const streams = new Streams();
      for (const [i, { length, ok }] of sent.entries()) streams.add(i, length, ok);
      const cursor = streams.cursor(0);
      const all = sent.flatMap(({ length, ok }, i) =>
        ok ? Array.from({ length }, (_, at) => `${i}:${at}`) : [],
      );
      let at = 0;
      for (const take of takes) {
        const slices = cursor.take(take, take);
        if (slices === null) return at + take > all.length;
        const got = slices.flatMap(({ stream, at: from, length }) =>
          Array.from({ length }, (_, k) => `${stream}:${from + k}`),
        );
        if (got.join() !== all.slice(at, at + take).join()) return false;
        at += take;
      }
      return true;
    }),
    { seed: 1, numRuns: 500 },
  );
  t.end();
});

test(
  'the project plans whole, for a kernel with everything and for one with nothing',
  { timeout: 120_000 },
  (t) => {
    const project = loadProject(ROOT);
    t.same(project.problems.map(formatProblem), []);
    const planner = createPlanner(project, variantInfos(project));
    t.ok(planner.variants.length >= 600, `${planner.variants.length} variants`);
    t.equal(new Set(planner.variants.map(({ id }) => id)).size, planner.variants.length, 'every id once');
    t.equal(planner.probes.length, planner.behaviours.length, 'all of it asks for all behaviours');
    for (const judged of [true, false]) {
      const statuses = planner.behaviours.map((info) => ({
        ...info,
        stated: 'unknown' as const,
        probed: 'has' as const,
        judged,
      }));
      const planned = [...planner.plan(statuses)];
      t.equal(planned.length, planner.variants.length);
      t.ok(
        planned.every(({ program, expectations }) => program.actions.length === expectations.length),
        'an expectation for every action',
      );
      t.ok(
        planned.every((one) => one.skip !== undefined || one.expectations.length > 0),
        'every case expects something or says why not',
      );
      t.ok(
        planned.every((one) => explainPlan(one).steps.length === one.program.actions.length),
        'every case can be explained',
      );
      t.equal(
        new Set(planned.map(({ program }) => program.seed)).size,
        planned.length,
        'no two cases share a seed',
      );
    }
    t.end();
  },
);

test('an explanation says what is done and expected', (t) => {
  const planned = only(
    plan(`  c: { ${ONE} }, send: { bytes: 3, gso: 2 }, expect: { datagrams: [2, 1] } }\n`),
  );
  const steps = explainPlan(planned).steps.map(({ action, expected }) => `${action} → ${expected}`);
  t.match(steps.at(-2), 'sender sends 3 bytes to 10.0.0.1:9000 with SOL_UDP/UDP_SEGMENT 2 (u16) → 3');
  t.match(
    steps.at(-1),
    'receive on receiver into 65535 bytes until nothing is left → datagrams of 2, 1 bytes',
  );
  t.match(
    explainSections(planned, []).sections.map(({ heading }) => heading),
    ['Rule', 'Source'],
  );
  t.end();
});

test('the published reference is the one in the code (npx tsx harness/load/schema/write.ts)', (t) => {
  const document = readFileSync(join(ROOT, 'docs', 'case-language.md'), 'utf8');
  t.equal(document, withReference(document));
  t.end();
});
