import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { CaseEvidence, Packet } from '../contract/evidence.ts';
import type { PlannedCase } from '../contract/expectation.ts';
import type { Action } from '../contract/program.ts';
import { judge } from '../judge/judge.ts';
import { comparisonLines, MARK } from '../../reports/comparison.ts';
import { packetFile } from './packet-file.ts';

const where = { file: 'suites/x.yaml', line: 1, column: 1 };
const to = { address: '10.0.0.1', port: 9000 };
const actions: Action[] = [
  { do: 'capture', capture: 'wire', ns: 'host', dev: 'sink', port: 9000 },
  { do: 'open', socket: 's', ns: 'host', family: 'ipv4', protocol: 'udp' },
  {
    do: 'send',
    socket: 's',
    call: 'sendmsg',
    flags: [],
    messages: [
      {
        stream: 0,
        iov: [250],
        to,
        control: [{ level: 'SOL_UDP', type: 'UDP_SEGMENT', value: { u16: 100 } }],
      },
    ],
  },
  { do: 'packets', capture: 'wire' },
];
const states = {
  'max-128-segments': true,
  'segment-cap-counts-payload': true,
  'small-send-ignores-gso-size': true,
  'gso-of-one-segment-is-plain': true,
};
const slices = [100, 100, 50].map((length, i) => ({ stream: 0, at: i * 100, length }));
const ok = { ok: true } as const;
const planned: PlannedCase = {
  id: 'x/y',
  suite: 'x',
  rule: 'a rule',
  source: ['s'],
  tags: [],
  where,
  needs: [],
  behaviours: [],
  states,
  program: {
    id: 'x/y',
    seed: 5,
    deadlineMs: 1000,
    actions,
    topology: {
      name: 'sink',
      key: 'sink',
      namespaces: {
        host: {
          routes: [],
          sysctls: {},
          links: [
            {
              name: 'sink',
              kind: 'dummy',
              mtu: 1500,
              up: true,
              addresses: ['10.0.0.2/24'],
              features: { 'tx-udp-segmentation': false },
            },
          ],
        },
      },
    },
  },
  expectations: [
    ok,
    ok,
    { ok: true as const, returns: 250 },
    { packets: slices.map((one) => ({ payload: [one] })) },
  ].map((expected) => ({ expected, where, behaviours: [] })),
};

/** As a right kernel shows it: the head is Ethernet, IPv4 and UDP. */
function packet(i: number): Packet {
  const length = slices[i]?.length ?? 0;
  const ip = Buffer.from('4500000000000000401100000a0000020a000001', 'hex');
  ip.writeUInt16BE(28 + length, 2);
  ip.writeUInt16BE(i + 7, 4);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += ip.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  ip.writeUInt16BE(~sum & 0xffff, 10);
  const udp = Buffer.from('9c40232800000000', 'hex');
  udp.writeUInt16BE(8 + length, 4);
  return {
    direction: 'out',
    gso: 'none',
    gsoSize: 0,
    partialChecksum: true,
    checksum: 'partial',
    family: 'ipv4',
    ipLength: 28 + length,
    udpLength: 8 + length,
    payload: slices.slice(i, i + 1),
    ipId: i + 7,
    ttl: 64,
    tos: 0,
    df: true,
    from: '10.0.0.2:40000',
    to: '10.0.0.1:9000',
    head: `0200000000010200000000020800${ip.toString('hex')}${udp.toString('hex')}`,
  };
}

function evidence(packets: readonly Packet[]): CaseEvidence {
  const steps = [{}, {}, { ret: 250 }, { ret: 3, packets, drops: 0 }].map((step) => ({
    ret: 0,
    calls: [],
    ...step,
  }));
  const kernel = { log: [], taint: { before: 0, after: 0 } };
  return { id: 'x/y', steps, setup: [], kernel, durationMs: 1 };
}

const right = [0, 1, 2].map(packet);

t.test('packets as the model has them pass, every single field that is off fails by name', (t) => {
  t.equal(judge(planned, evidence(right)).outcome, 'pass');
  const off: [string, Partial<Packet>][] = [
    ['UDP length', { udpLength: 107 }],
    ['IP length', { ipLength: 129 }],
    ['checksum', { checksum: 'bad' }],
    ['gso', { gso: 'udp-l4' }],
    ['TTL', { ttl: 63 }],
    ['TOS', { tos: 2 }],
    ['DF', { df: false }],
    ['IP ID', { ipId: 7 }],
    ['from', { from: '10.0.0.2:40001' }],
    ['to', { to: '10.0.0.1:9001' }],
    ['VLAN', { head: right[1]?.head.replace(/^(.{24})/u, '$181000007') ?? '' }],
    ['wrong', { head: right[1]?.head.replace('4011', '3f11') ?? '' }],
  ];
  for (const [field, change] of off) {
    const { outcome, reason } = judge(
      planned,
      evidence(right.map((one, i) => (i === 1 ? { ...one, ...change } : one))),
    );
    t.equal(outcome, 'fail', field);
    t.match(reason, `packet-model: expected packet 1: ${field} `);
  }
  t.end();
});

t.test('both sides stand beside each other, and the fields that differ are marked', (t) => {
  const wrong = right.map((one, i) => (i === 1 ? { ...one, udpLength: 258, checksum: 'bad' as const } : one));
  const { checks } = judge(planned, evidence(wrong.map((one, i) => ({ ...one, atMs: i / 8 }))));
  const lines = comparisonLines(checks.find(({ comparison }) => comparison)?.comparison ?? [], 70);
  t.match(lines[1], /packet 1 +expected +seen at 0\.125 ms$/u);
  t.match(lines[0], /packet 0 +as expected$/u);
  t.strictSame(
    lines.filter((line) => line.startsWith(MARK)).map((line) => line.split(/ {2,}/u).slice(0, 3)),
    [
      [`${MARK} UDP length`, '108', '258'],
      [`${MARK} checksum`, 'partial', 'bad'],
    ],
  );
  t.ok(lines.every((line) => line.length <= 70));
  const lost = judge(planned, evidence(right.slice(0, 2))).checks.find(({ comparison }) => comparison);
  t.match(
    comparisonLines(lost?.comparison ?? [], 70).at(-1),
    new RegExp(`^${MARK} packet 2 .*bytes 200..249.* none$`, 'u'),
  );
  t.end();
});

const hasTshark = spawnSync('tshark', ['-v']).status === 0;

t.test(
  'tshark opens the capture of a failed case, with the payload and a comment on the packet in question',
  { skip: hasTshark ? false : 'tshark is not installed' },
  (t) => {
    const times = [0.25, 0.251, 200.5];
    const seen = {
      ...evidence(right.map((one, i) => ({ ...one, atMs: times[i] ?? 0, ...(i === 2 ? { ttl: 63 } : {}) }))),
      sentAt: '1700000000999900000',
    };
    const path = join(t.testdir(), 'packets.pcapng');
    writeFileSync(path, packetFile('6.12', planned, seen, judge(planned, seen).checks));
    const names = ['frame.len', 'udp.length', 'udp.dstport', 'frame.time_epoch', 'frame.comment'];
    const fields = names.flatMap((name) => ['-e', name]);
    const out = execFileSync('tshark', ['-r', path, '-T', 'fields', '-E', 'separator=;', ...fields], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const lines = out.trim().split('\n');
    t.equal(lines[0], '142;108;9000;1700000001.000150000;the checksum is left to the device');
    t.match(lines[2], /^92;58;9000;1700000001\.200400000;.*TTL: expected 64, seen 63/u);
    t.end();
  },
);
