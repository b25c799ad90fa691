import { test } from 'tap';
import { formatProblem } from './problem.ts';
import { projectOf, suiteText } from './testing.ts';

/** Problems of a suite as `line:column: message…`. */
function problems(text: string): string[] {
  return projectOf(text).problems.map((problem) => formatProblem(problem).replace('test.yaml:', ''));
}

/** Problems of one case; its first line is line 9 of the file. */
function inCase(body: string): string[] {
  return problems(suiteText(`  one:\n    rule: A rule.\n${body.replace(/^/gm, '    ')}\n`));
}

const SEND = 'send: { bytes: mss }\n';
const OPEN = 'steps:\n  - open: { socket: s, connect: receiver }\n';

const MISTAKES: readonly (readonly [claim: string, body: string, ...problems: RegExp[]])[] = [
  [
    'a misspelt key',
    'sned: { bytes: 1 }\nexpect: { datagrams: [1] }',
    /^9:5: the case does nothing|^9:5: unknown key "sned".*did you mean "send"/,
  ],
  [
    'a misspelt inner key',
    'send: { byts: 1 }\nexpect: { datagrams: [1] }',
    /^9:13: unknown key "byts".*; did you mean "bytes"\?/,
  ],
  ['a wrong type', 'send: [1]\nexpect: { datagrams: [1] }', /^9:11: found a list; expected a mapping/],
  ['no expectation', SEND, /^7:3: the key "expect" is missing/],
  [
    'an expectation of nothing',
    `${SEND}expect: {}`,
    /^10:13: nothing is expected; expected "datagrams", "wire" or "error"/,
  ],
  [
    'an error and datagrams',
    `${SEND}expect: { error: EINVAL, datagrams: [1] }`,
    /^10:13: an error and datagrams at once/,
  ],
  [
    'both forms',
    `${SEND}expect: { datagrams: [mss] }\n${OPEN}  - send: { socket: s, bytes: 1 }`,
    /^9:5: "send" belongs to the short form/,
    /^10:5: "expect" belongs/,
  ],
  [
    'a misspelt errno',
    `${SEND}expect: { error: EMSGSZE }`,
    /^10:22: unknown errno "EMSGSZE"; did you mean "EMSGSIZE"\?/,
  ],
  [
    'an errno by its second name',
    `${SEND}expect: { error: EWOULDBLOCK }`,
    /^10:22: .*did you mean "EAGAIN"\?/,
  ],
  [
    'an unknown name',
    `send: { bytes: 2 * ms + 1 }\nexpect: { datagrams: [1] }`,
    /^9:24: unknown name "ms"; expected .*did you mean "mss"\?/,
  ],
  [
    'an unknown name inside quotes',
    `send: { bytes: "2 * (ms) + 1" }\nexpect: { datagrams: [1] }`,
    /^9:26: unknown name "ms"/,
  ],
  [
    'a syntax error',
    `send: { bytes: 2 * }\nexpect: { datagrams: [1] }`,
    /^9:2\d: something is missing at its end|^9:2\d: unexpected token/,
  ],
  [
    'text where a number is needed',
    `send: { bytes: family }\nexpect: { datagrams: [1] }`,
    /^9:20: gives text; expected an integer/,
  ],
  [
    'a type error',
    `send: { bytes: family + 1 }\nexpect: { datagrams: [1] }`,
    /^9:20: no such overload: string \+ int/,
  ],
  [
    'a macro that could run long',
    `send: { bytes: "[1, 2].map(x, x)[0]" }\nexpect: { datagrams: [1] }`,
    /^9:2\d: methods and macros are not part/,
  ],
  [
    'a fraction',
    'send: { bytes: 1.5 }\nexpect: { datagrams: [1] }',
    /^9:20: found the number 1.5.*; expected integer or expression/,
  ],
  [
    'an unknown behaviour',
    `${SEND}expect: [{ when: small-send-ignores-gso, error: EINVAL }, { otherwise: true, error: EIO }]`,
    /^10:22: unknown behaviour "small-send-ignores-gso"; did you mean "small-send-ignores-gso-size"\?/,
  ],
  [
    'an unknown behaviour in has()',
    `${SEND}skip_when: [{ when: '!has("nope-at-all")', reason: r }]\nexpect: { datagrams: [mss] }`,
    /^10:\d+: unknown behaviour "nope-at-all"/,
  ],
  [
    'has() of something computed',
    `${SEND}skip_when: [{ when: has(family), reason: r }]\nexpect: { datagrams: [mss] }`,
    /^10:\d+: has\(\) takes one behaviour name in quotes/,
  ],
  [
    'no otherwise',
    `${SEND}expect: [{ when: family == "ipv4", error: EIO }]`,
    /^10:14: the last alternative has a condition: what if none holds\?; expected "otherwise: true"/,
  ],
  [
    'an alternative after otherwise',
    `${SEND}expect: [{ otherwise: true, error: EIO }, { when: family == "ipv4", error: EIO }]`,
    /^10:14: "otherwise" must come last/,
    /^10:47: the last alternative/,
  ],
  [
    'the same condition twice',
    `${SEND}expect: [{ when: max-128-segments, error: EIO }, { when: max-128-segments, error: EINVAL }, { otherwise: true, error: EPERM }]`,
    /^10:62: this alternative is never reached/,
  ],
  [
    'an alternative without condition',
    `${SEND}expect: [{ error: EIO }, { otherwise: true, error: EINVAL }]`,
    /^10:14: an alternative without a condition/,
  ],
  [
    'an unknown topology',
    `topology: lopback\n${SEND}expect: { datagrams: [mss] }`,
    /^9:15: unknown topology "lopback"; expected .*; did you mean "loopback"\?/,
  ],
  [
    'an unknown axis in exclude',
    `exclude: [{ familly: ipv4 }]\n${SEND}expect: { datagrams: [mss] }`,
    /^9:17: unknown axis "familly"; expected family; did you mean "family"\?/,
  ],
  [
    'an unknown value in exclude',
    `exclude: [{ family: ipv5 }]\n${SEND}expect: { datagrams: [mss] }`,
    /^9:25: the axis "family" has no value ipv5/,
  ],
  [
    'excludes that leave nothing',
    `exclude: [{ family: [ipv4, ipv6] }]\n${SEND}expect: { datagrams: [mss] }`,
    /^7:3: no variant is left/,
  ],
  [
    'too many variants',
    `axes: { a: [${range(200)}], b: [${range(200)}] }\n${SEND}expect: { datagrams: [mss] }`,
    /^7:3: 80000 combinations of its axes; expected at most 20000/,
  ],
  [
    'an axis that is computed',
    `axes: { mss: [1, 2] }\n${SEND}expect: { datagrams: [mss] }`,
    /^9:13: "mss" is computed/,
  ],
  [
    'an axis with an impossible name',
    `axes: { Mtu: [1, 2] }\n${SEND}expect: { datagrams: [mss] }`,
    /^9:13: "Mtu" cannot name an axis; expected lower-case/,
  ],
  [
    'an axis value given twice',
    `axes: { mtu: [1500, 1500] }\n${SEND}expect: { datagrams: [mss] }`,
    /^9:25: the value 1500 is given twice/,
  ],
  [
    'an axis value that cannot be in an id',
    `axes: { way: ["a,b"] }\n${SEND}expect: { datagrams: [mss] }`,
    /^9:19: the value "a,b" cannot be part of an id/,
  ],
  [
    'a version as a number',
    `axes: { kernel: [6.10] }\n${SEND}expect: { datagrams: [mss] }`,
    /^9:22: found the number 6.1/,
  ],
  [
    'an unknown family',
    `axes: { family: [ipv4, ipv7] }\n${SEND}expect: { datagrams: [mss] }`,
    /^9:28: unknown family "ipv7"; expected ipv4 or ipv6/,
  ],
  [
    'an unknown way to ask',
    `axes: { request: [cmsg, sockopt] }\n${SEND}expect: { datagrams: [mss] }`,
    /^9:29: unknown request "sockopt"; expected cmsg or setsockopt; did you mean "setsockopt"\?/,
  ],
  [
    'an unknown option',
    `${SEND}options: { UDP_SEGMNT: 1 }\nexpect: { datagrams: [mss] }`,
    /^10:16: unknown option "UDP_SEGMNT"; did you mean "UDP_SEGMENT"\?/,
  ],
  [
    'an unknown flag',
    `send: { bytes: 1, flags: [MSG_MOAR] }\nexpect: { datagrams: [1] }`,
    /^9:31: unknown flag "MSG_MOAR".*did you mean "MSG_MORE"\?/,
  ],
  [
    'an unknown need',
    `needs: [dumy]\n${SEND}expect: { datagrams: [mss] }`,
    /^9:13: unknown capability "dumy".*did you mean "dummy"\?/,
  ],
  ['a step without verb', `steps:\n  - { note: hm }`, /^10:9: a step without a verb/],
  [
    'a misspelt step',
    `${OPEN}  - sen: { socket: s, bytes: 1 }`,
    /^11:9: unknown step "sen"; expected .*; did you mean "send"\?/,
  ],
  [
    'two steps in one',
    `${OPEN}  - send: { socket: s, bytes: 1 }\n    receive: { socket: s }`,
    /^12:9: "receive" belongs in a step of its own/,
  ],
  [
    'a socket nobody opened',
    `${OPEN}  - send: { socket: t, bytes: 1 }`,
    /^11:25: no socket "t" has been opened; expected s/,
  ],
  [
    'a socket opened twice',
    `${OPEN}  - open: { socket: s }\n  - send: { socket: s, bytes: 1 }`,
    /^11:25: the socket "s" is open already/,
  ],
  [
    'a socket used after it was closed',
    `${OPEN}  - close: { socket: s }\n  - send: { socket: s, bytes: 1 }`,
    /^12:25: the socket "s" is closed by then/,
  ],
  [
    'a capture nobody started',
    `${OPEN}  - packets: { name: c }\n    expect: { packets: [1] }`,
    /^11:26: no capture "c"/,
  ],
  [
    'an endpoint there is none of',
    `${OPEN}  - send: { socket: s, to: recevier, bytes: 1 }`,
    /^11:32: unknown address "recevier".*did you mean "receiver"\?/,
  ],
  ['steps that check nothing', OPEN, /^9:5: these steps check nothing/],
  [
    'bytes and iov at once',
    `${OPEN}  - send: { socket: s, bytes: 1, iov: [1] }`,
    /^11:9: how much is sent\?/,
  ],
  ['an option set to nothing', `${OPEN}  - set: { socket: s, option: UDP_GRO }`, /^11:14: set to what\?/],
  [
    'an expected length of nothing',
    `${OPEN}  - get: { socket: s, option: UDP_GRO }\n    expect: { length: 4 }`,
    /^12:17: nothing is expected; expected "value" or "hex" or "error"/,
  ],
  [
    'an error and a value at once',
    `${OPEN}  - send: { socket: s, bytes: 1 }\n    expect: { error: EIO, returns: 1 }`,
    /^12:17: an error and "returns" at once/,
  ],
  [
    'a control message with two values',
    `${OPEN}  - send: { socket: s, bytes: 1, control: [{ type: UDP_SEGMENT, u16: 1, int: 1 }] }`,
    /^11:48: a control message has one value/,
  ],
  [
    'an axis reference to nothing',
    `axes: { option: [UDP_GRO] }\n${OPEN}  - get: { socket: s, option: $opton }`,
    /^12:35: unknown axis "\$opton"; expected .*did you mean "option"\?/,
  ],
  [
    'an axis value that is no option',
    `axes: { option: [UDP_GRO, UDP_GR0] }\n${OPEN}  - get: { socket: s, option: $option }`,
    /^12:35: unknown option "UDP_GR0"; did you mean "UDP_GRO"\?/,
  ],
  [
    'a let that shadows an axis',
    `let: { family: 1 }\n${SEND}expect: { datagrams: [mss] }`,
    /^9:12: "family" is taken: it names an axis/,
  ],
  [
    'a let that uses a later one',
    `let: { a: b, b: 1 }\n${SEND}expect: { datagrams: [mss] }`,
    /^9:15: unknown name "b"/,
  ],
];

function range(n: number): string {
  return Array.from({ length: n }, (_, i) => i).join(', ');
}

test('a mistake in a case is named at its place, with what was expected and a near match', (t) => {
  for (const [claim, body, ...expected] of MISTAKES) {
    const said = inCase(body);
    for (const [i, pattern] of expected.entries()) t.match(said[i], pattern, claim);
    t.ok(said.length > 0, claim);
  }
  t.end();
});

test('a sound case has no problems', (t) => {
  t.same(inCase(`${SEND}expect: { datagrams: [mss] }`), []);
  t.same(
    inCase(
      `axes: { bytes: [50, 100], type: [UDP_GRO] }\nlet: { twice: 2 * bytes }\n${OPEN}  - send: { socket: s, bytes: twice, control: [{ type: $type, int: bytes }] }\n    expect: { error: EINVAL }`,
    ),
    [],
    "axes may have names that CEL's types have",
  );
  t.end();
});

test('problems of all cases come in one go, in the order of the file', (t) => {
  const said = problems(
    suiteText(
      `  one: { rule: A., sned: 1 }\n  Two: { rule: B., send: { bytes: x }, expect: { error: EIO } }\n  three: 3\n`,
      'colour: red\n',
    ),
  );
  t.match(said, [
    /^6:1: unknown key "colour"/,
    /^8:20: unknown key "sned"/,
    /^9:3: "Two" cannot name a case/,
    /^10:10: found the number 3; expected a mapping/,
  ]);
  t.end();
});

test('a suite needs a title, sources, a topology and cases', (t) => {
  t.match(problems('cases: {}\n'), [/the key "source" is missing/, /the key "title" is missing/]);
  t.match(problems('title: t\nsource: []\ncases: {}\n'), [/^2:9: an empty list; expected at least one item/]);
  t.match(problems('title: t\nsource: [s]\ncases: {}\n'), [/^3:1: a suite without cases/]);
  t.match(
    problems(
      'title: t\nsource: [s]\ncases:\n  a: { rule: r, send: { bytes: 1 }, expect: { error: EIO } }\n',
    ).join('\n'),
    /no topology; expected the key "topology"/,
  );
  t.match(problems('- 1\n'), [/^1:1: found a list; expected a mapping/]);
  t.end();
});

test('an exclude of the suite must match in some case', (t) => {
  const cases = '  one: { rule: r, send: { bytes: 1 }, expect: { datagrams: [1] } }\n';
  t.match(problems(suiteText(cases, 'exclude: [{ family: ipv4, mtu: 1500 }]\n')), [
    /^6:11: this exclude matches no combination in any case/,
  ]);
  t.same(problems(suiteText(cases, 'exclude: [{ family: ipv4 }]\n')), []);
  t.end();
});

test('a let of the suite must make sense in some case', (t) => {
  const cases =
    '  one: { rule: r, axes: { family: [] }, steps: [{ open: { socket: s, family: ipv4 }, expect: {} }] }\n';
  t.match(
    problems(suiteText(cases, 'let: { most: max_bytes }\n')).join('\n'),
    /^6:14: unknown name "max_bytes"; expected an axis "family"/,
  );
  const both = `${cases}  two: { rule: r, send: { bytes: most }, expect: { error: EMSGSIZE } }\n`;
  t.same(problems(suiteText(both, 'let: { most: max_bytes }\n')), []);
  t.end();
});

test('a value that YAML misreads does not hide other problems, and is named once', (t) => {
  const said = problems(
    suiteText(`  one: { rule: r, source: [158390e45612], send: { byts: 1 }, expect: { error: EIO } }\n`),
  );
  t.match(said, [/^7:28: 158390e45612 is read as a number/, /^7:51: unknown key "byts"/]);
  t.equal(said.length, 2);
  t.end();
});
