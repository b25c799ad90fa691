/** C programs of cases in tunnels: what is around a packet is told, held against what is stated, and named where it is not so. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import type { ExpectedPacket, PlannedCase } from '../contract/expectation.ts';
import { reproducer } from './reproducer.ts';
import { changed, ofSuites, tells } from './test-support.ts';
import { Unprintable } from './unprintable.ts';

const TUNNEL = 'udp-gso/tunnel';
/** Ends of the tunnel, and the size of the IP header there. */
const OUTER = {
  ipv4: { ends: ['near=192.168.7.1', 'far=192.168.7.2'], header: 20 },
  ipv6: { ends: ['near=fd07::1', 'far=fd07::2'], header: 40 },
} as const;
const noCompiler = spawnSync('gcc', ['--version']).error ? 'gcc is not installed' : false;

/** It passes as it is; with the changes the program says `failures` of its packets, and nothing else. */
function names(
  plan: PlannedCase,
  change: readonly Partial<ExpectedPacket>[],
  failures: readonly (string | RegExp)[],
): void {
  t.test(plan.id, { skip: noCompiler }, (t) => tells(t, plan, changed(plan, change), failures));
}

t.setTimeout(300_000);

for (const [family, { ends, header }] of Object.entries(OUTER)) {
  names(
    ofSuites(`${TUNNEL}/outer-headers`, 'csum=true', `family=${family}`, 'total=3001', ...ends),
    [
      { outerChecksum: 'zero' },
      { outerUdpLength: 1000 },
      { outerIpLength: 1001 },
      { outerChecksum: 'partial', udpLength: 7, checksum: 'zero' },
    ],
    [
      'packet 0 to have outer_checksum 2, got 1',
      `packet 1 to have outer_udp_length 1000, got ${1038 + header}`,
      `packet 2 to have outer_ip_length 1001, got ${1038 + 2 * header}`,
      'packet 3 to have checksum 2, got 3',
      'packet 3 to have outer_checksum 3, got 1',
      'packet 3 to have udp_length 7, got 9',
    ],
  );
  names(
    ofSuites(`${TUNNEL}/outer-fields`, 'inner=46', 'tos=136', 'ttl=7', 'uso=false', 'df=unset', ...ends),
    [{ outerTtl: 8 }, { outerTos: 136 }, { ttl: 7 }, { tos: 138 }, {}, { outerTtl: 33, outerTos: 46 }],
    [
      'packet 0 to have outer_ttl 8, got 7',
      'packet 1 to have outer_tos 136, got 138',
      'packet 2 to have ttl 7, got 33',
      'packet 3 to have tos 138, got 46',
      'packet 5 to have outer_ttl 33, got 7',
      'packet 5 to have outer_tos 46, got 138',
    ],
  );
  names(
    ofSuites(`${TUNNEL}/no-outer-checksums`, 'csum=false', 'total=2000', ...ends),
    [{}, {}, { outerChecksum: 'good' }],
    ['packet 2 to have outer_checksum 1, got 2'],
  );
  names(
    ofSuites(`${TUNNEL}/without-inner-checksum`, 'csum=true', ...ends),
    [{ outerChecksum: 'good', checksum: 'partial' }],
    ['packet 0 to have checksum 3, got 2', 'packet 0 to have outer_checksum 1, got 3'],
  );
  // Of the three captures of the case one is above the tunnel.
  names(
    ofSuites(`${TUNNEL}/stays-whole`, 'unchecked=false', 'off=1', ...ends),
    [{ outerChecksum: 'good' }],
    ['tunnel', 'below', 'far'].map(
      (device) => `packet 0 to have outer_checksum 1, got ${device === 'tunnel' ? -1 : 3}`,
    ),
  );
}

for (const [df, set] of [
  ['set', 1],
  ['unset', 0],
] as const)
  names(
    ofSuites(`${TUNNEL}/outer-dont-fragment`, `df=${df}`),
    [{}, { outerDf: set === 0 }],
    [`packet 1 to have outer_df ${1 - set}, got ${set}`],
  );

// IPv6 has no such flag: nothing that is stated of it is so.
names(
  ofSuites(`${TUNNEL}/outer-headers`, 'total=2000', ...OUTER.ipv6.ends),
  [{ outerDf: false }, { outerDf: true }],
  ['packet 0 to have outer_df 0, got -1', 'packet 1 to have outer_df 1, got -1'],
);

// Nothing is stated of its tunnel, and still the packets are those inside.
names(
  ofSuites(`${TUNNEL}/port-of-a-flow`, 'family=ipv4', ...OUTER.ipv4.ends),
  [{}, { payload: [{ stream: 0, at: 0, length: 1000 }] }, {}, { outerTtl: 3 }],
  [/^byte 0 of item 1 to be 0x/u, 'packet 3 to have outer_ttl 3, got 64'],
);

t.test('a word for a checksum that nobody knows is refused', (t) => {
  const plan = ofSuites(`${TUNNEL}/outer-dont-fragment`);
  t.throws(() => reproducer(changed(plan, [{ outerChecksum: 'fine' }]), 'running'), Unprintable);
  t.end();
});
