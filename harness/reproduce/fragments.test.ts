/** Datagrams in IP fragments, as C programs see them: each fragment is told, and held against all that is stated of it. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import type { ExpectedPacket, PlannedCase } from '../contract/expectation.ts';
import { bent, changed, ofSuites, tells } from './test-support.ts';

const FRAGMENTS = 'udp-gso/fragments';
const noCompiler = spawnSync('gcc', ['--version']).error ? 'gcc is not installed' : false;

function names(
  what: string,
  right: PlannedCase,
  wrong: PlannedCase,
  failures: readonly (string | RegExp)[],
): void {
  t.test(`${what}: ${right.id}`, { skip: noCompiler }, (t) => tells(t, right, wrong, failures));
}

/** Other packets in the place of those expected. */
const instead = (
  plan: PlannedCase,
  make: (list: readonly ExpectedPacket[]) => ExpectedPacket[],
): PlannedCase =>
  bent(plan, (expected) => ('packets' in expected ? { packets: make(expected.packets) } : expected));

t.setTimeout(300_000);

const layout = {
  ipv4: ofSuites(`${FRAGMENTS}/layout`, 'family=ipv4', 'mtu=1505', 'rest=700', 'whole=2'),
  ipv6: ofSuites(`${FRAGMENTS}/layout`, 'family=ipv6', 'mtu=1280', 'rest=700', 'whole=2'),
};

names(
  'fields of IPv4',
  changed(layout.ipv4, [
    { ipLength: 1500, checksum: 'fragment', df: false },
    { ipLength: 1500, checksum: 'fragment', df: false, gsoSize: 0 },
    { ipLength: 720, checksum: 'fragment', ttl: 64, tos: 0 },
  ]),
  changed(layout.ipv4, [
    { udpLength: 1480, ipLength: 1505 },
    { udpLength: 1488, checksum: 'good', df: true },
    { ipLength: 721, checksum: 'zero', ttl: 63, tos: 4, gso: 'udp' },
  ]),
  [
    'packet 0 to have ip_length 1505, got 1500',
    'packet 0 to have udp_length 1480, got 3660',
    'packet 1 to have checksum 1, got 5',
    'packet 1 to have udp_length 1488, got 0',
    'packet 1 to have df 1, got 0',
    'packet 2 to have gso 3, got 0',
    'packet 2 to have checksum 2, got 5',
    'packet 2 to have ip_length 721, got 720',
    'packet 2 to have ttl 63, got 64',
    'packet 2 to have tos 4, got 0',
  ],
);

names(
  'fields of IPv6',
  changed(layout.ipv6, [{ ipLength: 1280 }, { ipLength: 1280, checksum: 'fragment' }, { ipLength: 748 }]),
  changed(layout.ipv6, [
    { checksum: 'good' },
    { udpLength: 8, ttl: 65, df: false },
    { ipLength: 740, tos: 1 },
  ]),
  [
    'packet 0 to have checksum 1, got 5',
    'packet 1 to have udp_length 8, got 0',
    'packet 1 to have ttl 65, got 64',
    'packet 1 to have df 0, got -1',
    'packet 2 to have ip_length 740, got 748',
    'packet 2 to have tos 1, got 0',
  ],
);

for (const plan of Object.values(layout)) {
  names('bytes', plan, changed(plan, [{}, { payload: [{ stream: 0, at: 8, length: 1000 }] }]), [
    /^byte 0 of item 1 to be 0x.. \(byte 8 of send 0\), got 0x..$/u,
  ]);
  // A later fragment has no port; what a case does not state must be seen all the same.
  names(
    'one more than stated',
    plan,
    instead(plan, (list) => list.slice(0, 2)),
    [/^no more packets, got one of 700 bytes$/u],
  );
  names(
    'one fewer than stated',
    plan,
    instead(plan, (list) => [...list, ...list.slice(2)]),
    ['more than 3 packets, got no more'],
  );
}

// Destination options behind a routing header: later fragments name these, not UDP.
const routed = ofSuites(`${FRAGMENTS}/routing-header`, 'mtu=1280', 'off=1');
names('cut within the options', routed, changed(routed, [{}, { udpLength: 1 }, { ipLength: 1, tos: 9 }]), [
  'packet 1 to have udp_length 1, got 0',
  'packet 2 to have ip_length 1, got 97',
  'packet 2 to have tos 9, got 0',
]);
