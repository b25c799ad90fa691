import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { MAX_LAYERS } from './cursor.ts';
import { decode, WELL_KNOWN } from './decode.ts';
import type { Layer, Udp } from './layers.ts';
import { Pcapng } from './pcapng.ts';
import { bytes, ethernet, ipv4, KINDS, randomFrom, udp, v4Ends } from './test-frames.ts';

/** How many frames the fuzzing test tries; SEGPROOF_FUZZ asks for more. */
const FRAMES = Number(process.env['SEGPROOF_FUZZ'] ?? 50_000);
const PER_KIND = 25;

/** Layers in the order tshark lists them: what an error quotes comes behind the error. */
function flat(layers: readonly Layer[]): Layer[] {
  return layers.flatMap((layer) => ('quoted' in layer ? [layer, ...flat(layer.quoted)] : [layer]));
}

/** tshark gives the ports and checksums of UDP-Lite the same names. */
function isUdp(layer: Layer): layer is Udp {
  return layer.layer === 'udp' || layer.layer === 'udplite';
}

const STATUS = { bad: 0, good: 1, unverifiable: 2, partial: 2, zero: 3 } as const;

/** tshark's field names, and where ours are; the values as tshark prints them. */
const FIELDS: readonly (readonly [string, (layer: Layer) => number | string | undefined])[] = [
  ['vlan.id', (l) => (l.layer === 'vlan' && l.tpid === 0x8100 ? l.id : undefined)],
  ['ieee8021ad.id', (l) => (l.layer === 'vlan' && l.tpid === 0x88a8 ? l.id : undefined)],
  ['arp.opcode', (l) => (l.layer === 'arp' ? l.operation : undefined)],
  ['ip.src', (l) => (l.layer === 'ipv4' ? l.source : undefined)],
  ['ip.len', (l) => (l.layer === 'ipv4' ? l.totalLength : undefined)],
  ['ip.ttl', (l) => (l.layer === 'ipv4' ? l.ttl : undefined)],
  ['ip.frag_offset', (l) => (l.layer === 'ipv4' ? l.fragmentOffset / 8 : undefined)],
  ['ip.checksum.status', (l) => (l.layer === 'ipv4' ? STATUS[l.checksum] : undefined)],
  ['ipv6.dst', (l) => (l.layer === 'ipv6' ? l.destination : undefined)],
  ['ipv6.plen', (l) => (l.layer === 'ipv6' ? l.payloadLength : undefined)],
  ['ipv6.hlim', (l) => (l.layer === 'ipv6' ? l.hopLimit : undefined)],
  ['udp.dstport', (l) => (isUdp(l) ? l.destinationPort : undefined)],
  ['udp.length', (l) => (l.layer === 'udp' ? l.length : undefined)],
  ['udp.checksum_coverage', (l) => (l.layer === 'udplite' ? l.length : undefined)],
  ['udp.checksum.status', (l) => (isUdp(l) ? STATUS[l.checksum] : undefined)],
  ['icmp.type', (l) => (l.layer === 'icmp' ? l.type : undefined)],
  ['icmp.checksum.status', (l) => (l.layer === 'icmp' ? STATUS[l.checksum] : undefined)],
  ['icmpv6.type', (l) => (l.layer === 'icmpv6' ? l.type : undefined)],
  ['icmpv6.checksum.status', (l) => (l.layer === 'icmpv6' ? STATUS[l.checksum] : undefined)],
  ['vxlan.vni', (l) => (l.layer === 'vxlan' ? (l.id ?? 0) : undefined)],
  [
    'geneve.vni',
    (l) => (l.layer === 'geneve' ? `0x${(l.id ?? 0).toString(16).padStart(6, '0')}` : undefined),
  ],
  ['mpls.label', (l) => (l.layer === 'mpls' ? (l.id ?? 0) : undefined)],
  [
    'pppoe.session_id',
    (l) => (l.layer === 'pppoe' ? `0x${(l.id ?? 0).toString(16).padStart(4, '0')}` : undefined),
  ],
];

/** Every kind of frame, several times over. */
function corpus(): { kind: string; frame: Buffer }[] {
  const random = randomFrom(7);
  return Object.entries(KINDS).flatMap(([kind, make]) =>
    Array.from({ length: PER_KIND }, () => ({ kind, frame: make(random) })),
  );
}

t.test('every kind of frame is decoded down to its last layer', (t) => {
  for (const { kind, frame } of corpus()) {
    const { layers, findings } = decode(frame);
    const last = layers.at(-1);
    const reached = kind === 'ARP' ? last?.layer === 'arp' : last?.layer === 'payload';
    if (!reached) t.fail(`${kind}: ends in ${JSON.stringify(last)}`);
    const odd = findings.filter((finding) => !finding.endsWith('checksum is wrong'));
    if (odd.length > 0) t.fail(`${kind}: ${odd.join(', ')}`);
  }
  t.end();
});

const hasTshark = spawnSync('tshark', ['-v']).status === 0;

t.test(
  'tshark reads the same in every field of every kind of frame',
  { skip: hasTshark ? false : 'tshark is not installed' },
  (t) => {
    const frames = corpus();
    const file = new Pcapng({ hardware: 'x86_64', os: 'Linux', application: 'test' });
    const number = file.addInterface({ name: 'frames' });
    for (const { frame } of frames) file.addPacket({ interface: number, timeNs: 1n, bytes: frame });
    const path = join(t.testdir(), 'corpus.pcapng');
    writeFileSync(path, file.toBuffer());
    const preferences = [
      'ip.check_checksum:TRUE',
      'udp.check_checksum:TRUE',
      'udplite.check_checksum:TRUE',
      'ip.defragment:FALSE',
      'ipv6.defragment:FALSE',
    ];
    const args = [
      '-r',
      path,
      '-T',
      'fields',
      '-E',
      'separator=;',
      '-E',
      'occurrence=a',
      '-E',
      'aggregator=,',
    ];
    const options = [
      ...preferences.flatMap((one) => ['-o', one]),
      ...FIELDS.flatMap(([name]) => ['-e', name]),
    ];
    const out = execFileSync('tshark', [...args, ...options], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const lines = out.split('\n').slice(0, frames.length);
    t.equal(lines.length, frames.length);
    let compared = 0;
    for (const [i, { kind, frame }] of frames.entries()) {
      const theirs = (lines[i] ?? '').split(';');
      const layers = flat(decode(frame).layers);
      for (const [j, [name, pick]] of FIELDS.entries()) {
        // For UDP-Lite tshark makes up a length; there is no such field.
        if (kind === 'UDP-Lite' && name === 'udp.length') continue;
        const ours = layers.map(pick).filter((value) => value !== undefined);
        compared += ours.length;
        if (ours.join(',') !== theirs[j])
          t.fail(`${kind} ${i}: ${name}: ${ours.join(',')}, tshark: ${theirs[j] ?? ''}`);
      }
    }
    t.ok(compared > 5 * frames.length, `${compared} fields compared`);
    t.end();
  },
);

t.test(`${FRAMES} random and mutated frames are decoded, never an exception, never a hang`, (t) => {
  const random = randomFrom(11);
  const seeds = corpus();
  let findings = 0;
  for (let i = 0; i < FRAMES; i++) {
    const frame =
      i % 5 === 0 ? bytes(random, random(120)) : Buffer.from(seeds[random(seeds.length)]?.frame ?? []);
    for (let flips = random(8); flips > 0 && frame.length > 0; flips--)
      frame[random(frame.length)] = random(256);
    const cut = random(4) === 0 ? frame.subarray(0, random(frame.length + 1)) : frame;
    const decoded = decode(cut, { partialAt: random(80), from: random(9) === 0 ? 'ip' : 'ethernet' });
    findings += decoded.findings.length;
    if (decoded.layers.length > MAX_LAYERS) t.fail(`${decoded.layers.length} layers`);
  }
  t.ok(findings > FRAMES / 10, `${findings} findings`);
  t.end();
});

t.test('what is wrong with a frame is said in words', (t) => {
  const plain = (): Buffer => {
    const never = (): number => 1;
    const ends = v4Ends(never);
    return ethernet(0x0800, ipv4(never, 17, udp(never, Buffer.from('payload'), ends), ends));
  };
  // ipv4() with this generator has four bytes of options.
  const at = 14 + 24;
  const damaged = (change: (frame: Buffer) => void): readonly string[] => {
    const frame = plain();
    change(frame);
    return decode(frame).findings;
  };
  t.strictSame(
    damaged(() => undefined),
    [],
  );
  t.strictSame(
    damaged((frame) => frame.writeUInt16BE(99, at + 4)),
    ['the UDP checksum is wrong', 'UDP length 99, 15 bytes are there'],
  );
  t.strictSame(
    damaged((frame) => frame.writeUInt8(9, 14 + 8)),
    ['the IPv4 header checksum is wrong'],
  );
  t.strictSame(decode(plain().subarray(0, 20)).findings, ['the IPv4 header is cut']);
  t.strictSame(decode(plain().subarray(0, at + 9)).findings.at(-1), 'UDP length 15, 9 bytes are there');
  t.strictSame(decode(Buffer.alloc(3)).findings, ['the Ethernet header is cut']);
  t.end();
});

t.test('a checksum left to the device is partial, a UDP checksum of 0 is none', (t) => {
  const random = randomFrom(3);
  const ends = v4Ends(random);
  const frame = ethernet(
    0x0800,
    ipv4(() => 0, 17, udp(random, Buffer.alloc(9), ends), ends),
  );
  const state = (partialAt: number): unknown =>
    decode(frame, { partialAt }).layers.flatMap((l) => (l.layer === 'udp' ? [l.checksum] : []))[0];
  t.equal(state(14 + 20 + 6), 'partial');
  frame.writeUInt16BE(0, 14 + 20 + 6);
  t.equal(state(-1), 'zero');
  t.end();
});

t.test('tunnels without a port of their own are told by the caller', (t) => {
  const random = randomFrom(5);
  const ends = v4Ends(random);
  const carried = ipv4(random, 17, udp(random, Buffer.alloc(4), ends), ends);
  const frame = ethernet(0x0800, ipv4(random, 17, udp(random, carried, ends, 5555), ends));
  const kinds = (ports: typeof WELL_KNOWN): string[] =>
    decode(frame, { ports }).layers.map(({ layer }) => layer);
  t.strictSame(kinds(WELL_KNOWN), ['ethernet', 'ipv4', 'udp', 'payload']);
  t.strictSame(kinds(new Map([[5555, { fou: 4 }]])), [
    'ethernet',
    'ipv4',
    'udp',
    'fou',
    'ipv4',
    'udp',
    'payload',
  ]);
  t.strictSame(kinds(new Map([[5555, 'gue' as const]])), [
    'ethernet',
    'ipv4',
    'udp',
    'gue',
    'ipv4',
    'udp',
    'payload',
  ]);
  t.end();
});
