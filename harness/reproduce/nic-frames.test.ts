/** The NIC of C programs makes of frames, right and odd ones, what segproof's own makes of them. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { ethernet, ip, udp, vnet } from '../wire/build.ts';
import { fillSums, segment } from '../wire/segment.ts';
import { bytes, randomFrom } from '../wire/test-frames.ts';
import type { Random } from '../wire/test-frames.ts';
import { inOrder } from './helper.ts';
import { cut } from './helpers/nic.ts';
import { compileAndRun } from './test-support.ts';

const FRAMES = 400;
const UDP = 17;
const VNET = 10;
const MAC = Buffer.from('020000000001', 'hex');
const TAG = Buffer.from('81006005', 'hex');
/** Behind an IPv6 header: by the number of the next header, 8 bytes of it; the routing header has 24. */
const EXTENSIONS: readonly (readonly [number, Buffer])[] = [
  [60, Buffer.from('1100010400000000', 'hex')],
  [0, Buffer.from('1100010400000000', 'hex')],
  [44, Buffer.from('1100000000000007', 'hex')],
  [44, Buffer.from('1100000100000007', 'hex')],
  [44, Buffer.from('1100010900000007', 'hex')],
  [43, Buffer.concat([Buffer.from('1102040100000000', 'hex'), Buffer.alloc(16, 9)])],
];

/** A frame as a tap device hands it over, or as none would. */
function made(random: Random): Buffer {
  const four = random(2) === 0;
  const end = (host: number): Buffer => Buffer.alloc(four ? 4 : 16, host);
  const ends = { from: end(1 + random(9)), to: end(11 + random(9)) };
  const partial = random(4) > 0;
  const datagram = udp({ from: 9001, to: 9000 }, ends, bytes(random, random(3) * random(120)), partial);
  const protocol = random(12) === 0 ? 6 : UDP;
  const [next, header] = EXTENSIONS[random(EXTENSIONS.length)] ?? [UDP, Buffer.alloc(0)];
  const extended = !four && random(4) === 0;
  const packet = extended
    ? ip(next, ends, Buffer.concat([header, datagram]))
    : ip(
        protocol,
        ends,
        four && random(4) === 0 ? Buffer.concat([Buffer.from('01010101', 'hex'), datagram]) : datagram,
      );
  const head = packet.length - datagram.length;
  if (four) {
    packet.writeUInt8(0x40 + head / 4, 0);
    packet.writeUInt16BE(random(0x10000), 4);
    // Mostly whole; else more fragments, or a later one.
    if (random(6) === 0) packet.writeUInt16BE([0x2000, 0x2010, 0x10][random(3)] ?? 0, 6);
  }
  const link = ethernet(MAC, MAC, ends, packet);
  const tags = random(8) === 0 ? 1 + random(2) : 0;
  const tagged = [link.subarray(0, 12), ...Array.from({ length: tags }, () => TAG), link.subarray(12)];
  const frame = Buffer.concat([...tagged, bytes(random, random(5) === 0 ? random(9) : 0)]);
  const udpAt = 14 + 4 * tags + head;
  if (!partial && four && protocol === UDP) fillSums(frame, { family: 'ipv4', ipAt: udpAt - head, udpAt });
  const odd = random(6) === 0;
  const type = [0, 1, 3, 5, 5, 5, 5, 0x85][random(8)] ?? 0;
  const start = odd ? random(frame.length + 9) : udpAt;
  const offset = odd && random(2) === 0 ? random(20) : 6;
  return Buffer.concat([vnet([Number(partial), type, 0, random(4) * random(60), start, offset]), frame]);
}

/** What hardly comes by chance. */
function rare(): Buffer[] {
  const ends = { from: Buffer.from([10, 0, 0, 1]), to: Buffer.from([10, 0, 0, 2]) };
  const handed = (start: number, payload: Buffer): Buffer => {
    const datagram = udp({ from: 9001, to: 9000 }, ends, payload, true);
    const frame = ethernet(MAC, MAC, ends, ip(UDP, ends, datagram));
    return Buffer.concat([vnet([1, 0, 0, 0, start, 6]), frame]);
  };
  const [plain = Buffer.alloc(0)] = segment([handed(34, Buffer.alloc(2))]);
  const check = plain.subarray(40, 42);
  const arp = Buffer.concat([MAC, MAC, Buffer.from('0806', 'hex'), Buffer.alloc(28, 1)]);
  return [
    // Its checksum comes to 0; a checksum in the last two bytes, and one byte too late.
    handed(34, check),
    handed(plain.length - 8, Buffer.alloc(2)),
    handed(plain.length - 7, Buffer.alloc(2)),
    Buffer.concat([vnet([1, 5, 0, 10, 34, 6]), arp]),
  ];
}

function program(frames: readonly Buffer[]): string {
  const helpers = inOrder([cut]);
  const includes = new Set(['errno.h', 'stdio.h', ...helpers.flatMap((helper) => helper.includes ?? [])]);
  const longest = Math.max(...frames.map(({ length }) => length));
  return [
    '#define _GNU_SOURCE',
    ...[...includes, 'sys/socket.h'].map((name) => `#include <${name}>`),
    '#define GSO_UDP_L4 5',
    ...helpers.map(({ code }) => code),
    `static const struct { int length; unsigned char bytes[${longest}]; } frames[] = {`,
    ...frames.map((frame) => `\t{ ${frame.length}, { ${[...frame].join(', ')} } },`),
    '};',
    'int main(void)',
    '{',
    '	static unsigned char got[70000];',
    '	static struct frame frame;',
    '	int ends[2], length, i, j;',
    '	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends))',
    '		return 2;',
    `	for (i = 0; i < ${frames.length}; i++) {`,
    '		memcpy(&frame, frames[i].bytes, frames[i].length);',
    `		cut(ends[1], &frame, frames[i].length - ${VNET});`,
    '		while ((length = read(ends[0], got, sizeof(got))) >= 0) {',
    '			for (j = 0; j < length; j++)',
    '				printf("%02x", got[j]);',
    '			printf(" ");',
    '		}',
    '		puts(".");',
    '	}',
    '	return 0;',
    '}',
    '',
  ].join('\n');
}

const noCompiler = spawnSync('gcc', ['--version']).error ? 'gcc is not installed' : false;

t.test('frames are cut, summed up and let pass as by segproof', { skip: noCompiler }, async (t) => {
  const random = randomFrom(7);
  const frames = [...rare(), ...Array.from({ length: FRAMES }, () => made(random))];
  const { stdout, warnings, exit } = await compileAndRun(program(frames));
  t.equal(warnings, '');
  t.equal(exit, 0);
  const cuts = frames.map((frame) => segment([frame]));
  const wanted = cuts.map((list) =>
    [...list.map((one) => '00'.repeat(VNET) + one.toString('hex')), '.'].join(' '),
  );
  t.strictSame(stdout.trimEnd().split('\n'), wanted);
  t.equal(cuts[0]?.[0]?.toString('hex', 40, 42), 'ffff', 'a checksum of 0');
  // What a NIC does to a frame, or not, has been seen.
  t.ok(cuts.some((list) => list.length > 2));
  t.ok(cuts.some(([one, more], i) => !more && one && frames[i] && !frames[i].subarray(VNET).equals(one)));
  t.ok(cuts.some(([one], i) => one && frames[i]?.subarray(VNET).equals(one)));
});
