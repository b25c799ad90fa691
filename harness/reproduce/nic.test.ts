/** C programs that are a NIC in user space: what they state is held against both sides of it, and a wrong NIC is found. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import type { Expected, ExpectedDatagram, PlannedCase } from '../contract/expectation.ts';
import type { Action } from '../contract/program.ts';
import { reproducer } from './reproducer.ts';
import { bent, changed, compileAndRun, ofSuites, planned, tells } from './test-support.ts';
import type { Step } from './test-support.ts';
import { Unprintable } from './unprintable.ts';

const noCompiler = spawnSync('gcc', ['--version']).error ? 'gcc is not installed' : false;
const OK: Expected = { ok: true };

function names(right: PlannedCase, wrong: PlannedCase, failures: readonly (string | RegExp)[]): void {
  t.test(right.id, { skip: noCompiler }, (t) => tells(t, right, wrong, failures));
}

function withDatagrams(plan: PlannedCase, change: Partial<ExpectedDatagram>): PlannedCase {
  return bent(plan, (expected) =>
    'datagrams' in expected
      ? { datagrams: expected.datagrams.map((one, index) => ({ ...one, ...(index === 0 ? change : {}) })) }
      : expected,
  );
}

t.setTimeout(300_000);

const cuts = {
  ipv4: ofSuites('udp-gso/nic/boundaries', 'family=ipv4', 'rest=1', 'whole=2'),
  ipv6: ofSuites('udp-gso/nic/boundaries', 'family=ipv6', 'rest=1', 'whole=2'),
};
for (const plan of Object.values(cuts))
  names(
    plan,
    changed(plan, [
      { gso: 'udp', gsoSize: 99, checksum: 'zero' },
      { checksum: 'partial' },
      { udpLength: 10 },
    ]),
    [
      // What the device is handed, then what is on the wire.
      'packet 0 to have gso 3, got 5',
      'packet 0 to have gso_size 99, got 100',
      'packet 0 to have checksum 2, got 3',
      'packet 0 to have gso 3, got 0',
      'packet 0 to have gso_size 99, got 0',
      'packet 0 to have checksum 2, got 1',
      'packet 1 to have checksum 3, got 1',
      'packet 2 to have udp_length 10, got 9',
    ],
  );
names(cuts.ipv4, withDatagrams(cuts.ipv4, { length: 99 }), ['datagram 0 to have 99 bytes, got 100']);

const fields = ofSuites('udp-gso/nic/ttl-and-tos', 'tos=138');
names(fields, changed(fields, [{ ttl: 6 }, { tos: 136 }, { df: false, ipLength: 77 }]), [
  'packet 0 to have ttl 6, got 7',
  'packet 1 to have tos 136, got 138',
  'packet 2 to have ip_length 77, got 78',
  'packet 2 to have df 0, got 1',
]);

const late = ofSuites('udp-gso/nic/offered-late', 'family=ipv6');
names(late, changed(late, [{}, { gso: 'udp-l4' }, {}, {}, { checksum: 'good' }]), [
  'packet 1 to have gso 5, got 0',
  'packet 4 to have checksum 1, got 3',
]);

const halves = ofSuites('udp-gso/nic/offered-by-halves', 'family=ipv4');
names(
  halves,
  bent(halves, (expected) => ('error' in expected ? { error: 'EPERM' } : expected)),
  Array.from({ length: 3 }, () => '-1 EPERM (1), got -1 EINVAL (22)'),
);
names(
  halves,
  bent(halves, (expected) => ('error' in expected ? OK : expected)),
  Array.from({ length: 3 }, () => 'success, got -1 EINVAL (22)'),
);

const tagged = ofSuites('udp-gso/nic/tagged', 'priority=5', 'uso=true');
names(tagged, changed(tagged, [{}, { priority: 4 }]), [
  'packet 1 to have priority 4, got 5',
  'packet 1 to have priority 4, got 5',
]);

const injected = ofSuites('udp-gso/injection/well-formed', 'by=tap', 'family=ipv4', 'bytes=2500');
names(injected, withDatagrams(injected, { payload: [{ stream: 0, at: 1, length: 1000 }] }), [
  /^byte 0 of item 0 to be 0x.. \(byte 1 of send 0\), got 0x..$/u,
]);
names(
  injected,
  bent(injected, (expected) => ('ok' in expected ? { ok: true, returns: 1 } : expected)),
  // Sockets and binding, too, return 0; the frame has 10 bytes of its virtio-net header.
  [/^1, got/u, /^1, got 0/u, '1, got 2552'],
);
const refused = ofSuites('udp-gso/injection/bad-size', 'by=tap', 'family=ipv6', 'size=0');
names(
  refused,
  bent(refused, (expected) => ('error' in expected ? { error: 'ENOMEM' } : expected)),
  ['-1 ENOMEM (12), got -1 EINVAL (22)'],
);

// It sets no transform up, and is nothing without them.
const esp = ofSuites('udp-gso/regressions/ufo-packet-split-as-segments');
t.match(
  reproducer(esp, 'running'),
  /new_namespace\(\);\n\tmust_or_skip\("ip xfrm state add src 192\.0\.2\.1 /u,
);
names(
  esp,
  bent(esp, (expected) => ('counters' in expected ? { counters: { UdpInErrors: 2 } } : expected)),
  ['UdpInErrors to go up by 2, got 1'],
);

t.test('a NIC that does wrong is found', { skip: noCompiler }, async (t) => {
  const source = reproducer(cuts.ipv4, 'running');
  t.match(source, 'it needs ip(8), /dev/net/tun, and root');
  const wrongly = async (from: RegExp, to: string): Promise<readonly string[]> => {
    const wrong = source.replace(from, to);
    t.not(wrong, source, `${from.source} is there`);
    const { warnings, exit, failures, stdout, stderr } = await compileAndRun(wrong);
    t.equal(warnings, '');
    if (exit === 4) return [];
    t.equal(exit, 1, { output: stdout + stderr });
    return failures.map((line) => line.replace('FAIL: expected ', ''));
  };
  // The lengths of the packet it was handed, as they came.
  t.match(await wrongly(/put16\(udp \+ 4, length\);/u, ''), [
    'packet 0 to have udp_length 108, got 209',
    'packet 1 to have udp_length 108, got 209',
    '3 datagrams, got 0',
  ]);
  t.match(await wrongly(/sum \? sum : 0xffff\);/u, 'sum ^ 1);'), [
    ...[0, 1, 2].map((packet) => `packet ${packet} to have checksum 1, got 0`),
    'the end mark, got nothing: it was lost on the way',
    '3 datagrams, got 0',
  ]);
  t.match(await wrongly(/done \+= piece;/u, 'done += piece; size = 50;'), [/item 1/u]);
  t.match(await wrongly(/size = vnet->gso_size;/u, 'size = 0;'), [
    /item 0, got 201|bytes of payload in item 0/u,
    'packet 0 to have udp_length 108, got 209',
    'more than 1 packets, got no more',
  ]);
});

t.test('errors come back by the wire, also while they are waited for', { skip: noCompiler }, async (t) => {
  const { topology } = cuts.ipv4.program;
  const to = { address: '10.0.0.2', port: 9009 };
  const send: Action = {
    do: 'send',
    socket: 's',
    call: 'sendmsg',
    messages: [{ stream: 0, iov: [10], control: [], to }],
    flags: [],
  };
  const steps: Step[] = [
    [{ do: 'open', socket: 's', ns: 'left', family: 'ipv4', protocol: 'udp' }, OK],
    [{ do: 'set', socket: 's', level: 'SOL_IP', option: 'IP_RECVERR', value: { int: 1 } }, OK],
    [send, OK],
    [
      { do: 'errors', socket: 's', want: 1, waitMs: 200 },
      { notices: [{ origin: 'icmp', errno: 'ECONNREFUSED', offender: '10.0.0.2' }] },
    ],
  ];
  const source = reproducer(planned(steps, topology, { needs: ['tap'] }), 'running');
  const after = /(send_one\([^;]*;\n)\tpump\(\);\n/u;
  t.match(source, after);
  for (const text of [source, source.replace(after, '$1')]) {
    const { exit, warnings, stdout, stderr } = await compileAndRun(text);
    t.equal(warnings, '');
    t.ok(exit === 0 || exit === 4, { output: stdout + stderr });
  }
});

t.test('what is no tap device has no such side', (t) => {
  const [action, veth] = [injected.program.actions[2], ofSuites('udp-gso/fragments/layout').program.topology];
  if (action?.do !== 'inject') throw new Error('no frame');
  const plan = planned([[action, OK]], veth);
  const error = t.throws(() => reproducer(plan, 'running'), { message: /right0 as a tap device/u });
  t.ok(error instanceof Unprintable);
  t.end();
});
