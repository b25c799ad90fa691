/** Frames in tunnels, right and wrong ones: the C program reads in them what segproof reads. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import type { CapturedFrame, Packet } from '../contract/evidence.ts';
import { observe } from '../model/observe.ts';
import { takeApart } from '../run/captured.ts';
import { parseAddress } from '../wire/address.ts';
import { ethernet, ip, udp, vnet } from '../wire/build.ts';
import { bytes, randomFrom } from '../wire/test-frames.ts';
import type { Random } from '../wire/test-frames.ts';
import { inOrder } from './helper.ts';
import { parseTunnelled } from './helpers/tunnels.ts';
import { compileAndRun } from './test-support.ts';

const FRAMES = 600;
const UDP = 17;
const MAC = Buffer.from('020000000001', 'hex');
const VXLAN = Buffer.from('0800000000000700', 'hex');
/** As the C program numbers them. */
const CHECKSUMS = ['bad', 'good', 'zero', 'partial', 'misplaced'];

interface Made {
  readonly vnet: Buffer;
  readonly frame: Buffer;
  /** Where the payload begins. */
  readonly payloadAt: number;
}

function ends(random: Random, net: number): { from: Buffer; to: Buffer } {
  const four = random(2) === 0;
  const one = (host: number): Buffer =>
    parseAddress(four ? `10.0.${net}.${host}` : `fd0${net}::${host}`) ?? Buffer.alloc(0);
  return { from: one(1), to: one(2) };
}

/** One of a kind that a kernel makes, or with something in it that none would. */
function made(random: Random): Made {
  const [near, far] = [ends(random, 0), ends(random, 7)];
  const data = bytes(random, 1 + random(80));
  const left = random(3);
  const carried = (inner: boolean): Buffer =>
    Buffer.concat([
      VXLAN,
      ethernet(MAC, MAC, near, ip(UDP, near, udp({ from: 9001, to: 9000 }, near, data, inner))),
    ]);
  const around = (content: Buffer, outer: boolean): Buffer =>
    udp({ from: 40000, to: 4789 }, far, content, outer);
  const content = Buffer.concat([around(carried(false), left === 2).subarray(0, 8), carried(left > 0)]);
  const frame = ethernet(MAC, MAC, far, ip(UDP, far, content));
  const payloadAt = frame.length - data.length;
  const [inside, outside] = [payloadAt - 8, frame.length - content.length];
  // Of a whole packet both checksums are left; of one without an inner checksum the outer one.
  const whole = left === 2 && random(2) === 0;
  const start = left === 0 ? 0 : left === 1 || whole ? inside : outside;
  const header = vnet([Math.min(left, 1), whole ? 5 : 0, 0, whole ? 10 : 0, start, left === 0 ? 0 : 6]);
  spoil(random, { vnet: header, frame, payloadAt }, [inside, outside]);
  return { vnet: header, frame, payloadAt };
}

/** `places`: of both UDP headers. */
function spoil(random: Random, { vnet: header, frame, payloadAt }: Made, places: readonly number[]): void {
  const at = places[random(2)] ?? 0;
  const four = frame.readUInt8(14) >> 4 === 4;
  const faults: readonly (() => void)[] = [
    () => frame.writeUInt16BE(0, at + 6),
    () => frame.writeUInt16BE(0xffff, at + 6),
    () => frame.writeUInt16BE(frame.readUInt16BE(at + 6) ^ (1 << random(16)), at + 6),
    () => frame.writeUInt16BE(random(0x10000), at + 4),
    () => frame.writeUInt8(frame.readUInt8(payloadAt) ^ 1, payloadAt),
    () => header.writeUInt16LE(header.readUInt16LE(6) + 2 * random(3), 6),
    () => header.writeUInt16LE(4, 8),
    // TOS or half the traffic class, TTL or hop limit, DF.
    () => frame.writeUInt8(random(256), 15),
    () => frame.writeUInt8(random(256), four ? 22 : 21),
    () => four && frame.writeUInt8(0, 20),
  ];
  if (random(4) > 0) faults[random(faults.length)]?.();
}

function packetOf({ vnet: header, frame, payloadAt }: Made): Packet {
  const payload = frame.subarray(payloadAt);
  const captured: CapturedFrame = {
    direction: 'out',
    head: Buffer.concat([header, frame.subarray(0, payloadAt)]).toString('hex'),
    tag: '',
    payload: [{ foreign: payload.toString('hex'), length: payload.length }],
  };
  const steps = [{ ret: 1, calls: [], frames: [captured] }];
  const kernel = { log: [], taint: { before: 0, after: 0 } };
  const evidence = takeApart({ id: 'a/b', setup: [], durationMs: 1, kernel, steps }, 0);
  const packet = evidence.steps[0]?.packets?.[0];
  if (!packet) throw new Error('no packet');
  return packet;
}

/** All that a case can state, as the C program prints it. */
function told(frame: Made): string {
  const packet = packetOf(frame);
  const { outer } = observe(packet.head);
  const df = (flag: boolean | undefined): number => (flag === undefined ? -1 : Number(flag));
  const { ipLength, udpLength, ttl, tos, outerIpLength = -1, outerUdpLength = -1 } = packet;
  return [
    ...[CHECKSUMS.indexOf(packet.checksum), ipLength, udpLength, ttl, tos, df(packet.df)],
    ...[CHECKSUMS.indexOf(packet.outerChecksum ?? ''), outerIpLength, outerUdpLength],
    ...[outer?.ttl, outer?.tos, df(outer?.df)],
  ].join(' ');
}

function list(bytes: Buffer): string {
  return `{ ${[...bytes].join(', ')} }`;
}

function program(frames: readonly Made[]): string {
  const helpers = inOrder([parseTunnelled]);
  const includes = new Set(['stdio.h', ...helpers.flatMap((helper) => helper.includes ?? [])]);
  const fields = ['checksum', 'ip_length', 'udp_length', 'ttl', 'tos', 'df'];
  const rows = frames.map(
    ({ vnet: header, frame }) => `\t{ ${frame.length}, ${list(header)}, ${list(frame)} },`,
  );
  return [
    '#define _GNU_SOURCE',
    ...[...includes].map((name) => `#include <${name}>`),
    ...helpers.map(({ code }) => code),
    'static const struct { int length; unsigned char vnet[10], bytes[256]; } frames[] = {',
    ...rows,
    '};',
    'static void tell(const void *vnet, const void *bytes, int length)',
    '{',
    '	static const struct capture c = { .port = 9000 };',
    '	static struct frame frame;',
    '	struct seen p = { 0 };',
    '	memcpy(&frame.vnet, vnet, sizeof(frame.vnet));',
    '	memcpy(frame.bytes, bytes, length);',
    '	int known = parse_packet(&c, &frame, length, frame.vnet.flags & 1, &p);',
    `	printf("${'%d '.repeat(12).trim()}\\n", ${[...fields.map((name) => `p.${name}`), ...fields.map((name) => `outer.${name}`)].join(', ')});`,
    '	if (!known)',
    '		puts("nothing");',
    '}',
    'int main(void)',
    '{',
    '	(void)open_capture;',
    `	for (int i = 0; i < ${frames.length}; i++)`,
    '		tell(frames[i].vnet, frames[i].bytes, frames[i].length);',
    '	return 0;',
    '}',
    '',
  ].join('\n');
}

const noCompiler = spawnSync('gcc', ['--version']).error ? 'gcc is not installed' : false;

t.test('right and wrong frames are told of as segproof tells of them', { skip: noCompiler }, async (t) => {
  const random = randomFrom(1);
  const frames = Array.from({ length: FRAMES }, () => made(random));
  const { stdout, warnings, exit } = await compileAndRun(program(frames));
  t.equal(warnings, '');
  t.equal(exit, 0);
  const wanted = frames.map(told);
  t.strictSame(stdout.trimEnd().split('\n'), wanted);
  // All states of the inner and of the outer checksum that there can be have come.
  for (const [field, states] of [
    [0, [0, 1, 2, 3, 4]],
    [6, [0, 1, 2, 3]],
  ] as const)
    t.strictSame([...new Set(wanted.map((line) => Number(line.split(' ')[field])))].sort(), states);
});
