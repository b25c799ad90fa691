/** For tests: frames of every kind the decoder knows, with random fields and, now and then, a wrong checksum. */
import { fold, sum16 } from './checksum.ts';

export type Random = (below: number) => number;

/** A small deterministic generator: the same seed, the same frames. */
export function randomFrom(seed: number): Random {
  let state = seed | 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}

export function bytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random(256)));
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function u16(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 2);
  values.forEach((value, i) => buffer.writeUInt16BE(value & 0xffff, i * 2));
  return buffer;
}

/** Now and then a sum is wrong on purpose. */
function spoil(random: Random, sum: number): number {
  return random(8) === 0 ? sum ^ (1 + random(0xfffe)) : sum;
}

function negated(sum: number): number {
  return ~fold(sum) & 0xffff;
}

interface Ends {
  readonly source: Buffer;
  readonly destination: Buffer;
}

export function v4Ends(random: Random): Ends {
  const one = (): Buffer => Buffer.from([10, random(256), random(256), 1 + random(250)]);
  return { source: one(), destination: one() };
}

export function v6Ends(random: Random): Ends {
  const one = (): Buffer => Buffer.concat([hex('fd00'), bytes(random, 14)]);
  return { source: one(), destination: one() };
}

export function ipv4(random: Random, protocol: number, payload: Buffer, ends: Ends, flags = 0x4000): Buffer {
  const options =
    [Buffer.alloc(0), hex('01010101'), hex('94040000'), hex('07070400000000 00')][random(4)] ??
    Buffer.alloc(0);
  const header = Buffer.concat([
    Buffer.from([0x45 + options.length / 4, random(256)]),
    u16(20 + options.length + payload.length, random(65536), flags),
    Buffer.from([1 + random(255), protocol, 0, 0]),
    ends.source,
    ends.destination,
    options,
  ]);
  header.writeUInt16BE(spoil(random, negated(sum16(header, 0, header.length))), 10);
  return Buffer.concat([header, payload]);
}

export function ipv6(random: Random, next: number, payload: Buffer, ends: Ends): Buffer {
  const first = Buffer.alloc(4);
  first.writeUInt32BE(((6 << 28) | (random(256) << 20) | random(0x100000)) >>> 0);
  const rest = Buffer.from([next, 1 + random(255)]);
  return Buffer.concat([first, u16(payload.length), rest, ends.source, ends.destination, payload]);
}

function pseudo(ends: Ends, protocol: number, packet: Buffer): number {
  const sum = sum16(ends.source, 0, ends.source.length, sum16(ends.destination, 0, ends.destination.length));
  return sum + protocol + packet.length;
}

export function udp(random: Random, payload: Buffer, ends: Ends, port = 20000 + random(20000)): Buffer {
  const packet = Buffer.concat([u16(20000 + random(20000), port, 8 + payload.length, 0), payload]);
  const sum = negated(sum16(packet, 0, packet.length, pseudo(ends, 17, packet)));
  packet.writeUInt16BE(spoil(random, sum === 0 ? 0xffff : sum), 6);
  return packet;
}

function udplite(random: Random, payload: Buffer, ends: Ends): Buffer {
  const coverage = random(2) === 0 ? 0 : 8 + random(payload.length + 1);
  const packet = Buffer.concat([u16(20001, 20003, coverage, 0), payload]);
  const covered = coverage === 0 ? packet.length : coverage;
  const sum = negated(sum16(packet, 0, covered, pseudo(ends, 136, packet)));
  packet.writeUInt16BE(sum === 0 ? 0xffff : sum, 6);
  return packet;
}

function icmp(random: Random, v6: boolean, ends: Ends, quoted: Buffer): Buffer {
  const packet = Buffer.concat([
    Buffer.from(v6 ? [2, 0, 0, 0] : [3, 4, 0, 0]),
    u16(0, 1280 + random(200)),
    quoted,
  ]);
  const sum = sum16(packet, 0, packet.length, v6 ? pseudo(ends, 58, packet) : 0);
  packet.writeUInt16BE(spoil(random, negated(sum)), 2);
  return packet;
}

export function ethernet(type: number, payload: Buffer): Buffer {
  return Buffer.concat([hex('020000000001 020000000002'), u16(type), payload]);
}

/** A UDP packet in IPv4 or IPv6. */
function inner(random: Random): { type: number; packet: Buffer } {
  const payload = bytes(random, random(60));
  if (random(2) === 0) {
    const ends = v4Ends(random);
    return { type: 0x0800, packet: ipv4(random, 17, udp(random, payload, ends), ends) };
  }
  const ends = v6Ends(random);
  return { type: 0x86dd, packet: ipv6(random, 17, udp(random, payload, ends), ends) };
}

function tunnelled(random: Random, port: number, head: Buffer, carried: Buffer): Buffer {
  const ends = v4Ends(random);
  return ethernet(0x0800, ipv4(random, 17, udp(random, Buffer.concat([head, carried]), ends, port), ends));
}

function inV4(random: Random, protocol: number, payload: Buffer): Buffer {
  return ethernet(0x0800, ipv4(random, protocol, payload, v4Ends(random)));
}

/** One generator per kind, by name. */
export const KINDS: Readonly<Record<string, (random: Random) => Buffer>> = {
  'plain UDP': (random) => {
    const { type, packet } = inner(random);
    return ethernet(type, packet);
  },
  VLAN: (random) => {
    const { type, packet } = inner(random);
    return ethernet(0x8100, Buffer.concat([u16(random(65536) & 0xefff, type), packet]));
  },
  QinQ: (random) => {
    const { type, packet } = inner(random);
    return ethernet(0x88a8, Buffer.concat([u16(random(4096), 0x8100, random(4096), type), packet]));
  },
  ARP: (random) => {
    const ends = v4Ends(random);
    const words = [u16(1, 0x0800), Buffer.from([6, 4]), u16(1 + random(2)), hex('020000000001'), ends.source];
    return ethernet(0x0806, Buffer.concat([...words, hex('000000000000'), ends.destination]));
  },
  'IPv4 fragment': (random) => {
    const ends = v4Ends(random);
    const flags = random(2) === 0 ? 0x2000 : 1 + random(100);
    return ethernet(0x0800, ipv4(random, 17, udp(random, bytes(random, 40), ends), ends, flags));
  },
  'IPv6 extension headers': (random) => {
    const ends = v6Ends(random);
    const packet = udp(random, bytes(random, random(40)), ends);
    const hop = hex('3c00 1e04 01020304'.replace('1e04 01020304', '1e0401020304'));
    const destination = hex('1100 010400000000');
    return ethernet(0x86dd, ipv6(random, 0, Buffer.concat([hop, destination, packet]), ends));
  },
  'IPv6 fragment': (random) => {
    const ends = v6Ends(random);
    const word = random(2) === 0 ? 1 : (1 + random(100)) * 8;
    const header = Buffer.concat([Buffer.from([17, 0]), u16(word), bytes(random, 4)]);
    return ethernet(
      0x86dd,
      ipv6(random, 44, Buffer.concat([header, udp(random, bytes(random, 40), ends)]), ends),
    );
  },
  'UDP-Lite': (random) => {
    const ends = v4Ends(random);
    return ethernet(0x0800, ipv4(random, 136, udplite(random, bytes(random, 1 + random(40)), ends), ends));
  },
  'ICMP error': (random) => {
    const ends = v4Ends(random);
    const quoted = ipv4(random, 17, udp(random, bytes(random, 40), ends), ends).subarray(0, 48);
    return ethernet(0x0800, ipv4(random, 1, icmp(random, false, ends, quoted), ends));
  },
  'ICMPv6 error': (random) => {
    const ends = v6Ends(random);
    const quoted = ipv6(random, 17, udp(random, bytes(random, 40), ends), ends);
    return ethernet(0x86dd, ipv6(random, 58, icmp(random, true, ends, quoted), ends));
  },
  VXLAN: (random) => {
    const { type, packet } = inner(random);
    return tunnelled(
      random,
      4789,
      Buffer.concat([hex('08000000'), bytes(random, 3), hex('00')]),
      ethernet(type, packet),
    );
  },
  Geneve: (random) => {
    const { type, packet } = inner(random);
    const options = random(2) === 0 ? '' : '0102 03 01 00000000';
    const head = [
      Buffer.from([options === '' ? 0 : 2, 0]),
      u16(0x6558),
      bytes(random, 3),
      hex('00'),
      hex(options),
    ];
    return tunnelled(random, 6081, Buffer.concat(head), ethernet(type, packet));
  },
  GRE: (random) => {
    const { type, packet } = inner(random);
    const key = random(2) === 0 ? [u16(0, type)] : [u16(0x2000, type), bytes(random, 4)];
    return inV4(random, 47, Buffer.concat([...key, packet]));
  },
  'IP in IP': (random) => {
    const { type, packet } = inner(random);
    return inV4(random, type === 0x0800 ? 4 : 41, packet);
  },
  'IP in IPv6': (random) => {
    const { type, packet } = inner(random);
    return ethernet(0x86dd, ipv6(random, type === 0x0800 ? 4 : 41, packet, v6Ends(random)));
  },
  MPLS: (random) => {
    const { packet } = inner(random);
    return ethernet(
      0x8847,
      Buffer.concat([u16(random(65536)), hex('0040'), u16(random(65536)), hex('0140'), packet]),
    );
  },
  PPPoE: (random) => {
    const { type, packet } = inner(random);
    const head = [hex('1100'), u16(random(65536), packet.length + 2, type === 0x0800 ? 0x21 : 0x57)];
    return ethernet(0x8864, Buffer.concat([...head, packet]));
  },
};
