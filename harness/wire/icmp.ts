/** ICMP (RFC 792) and ICMPv6 (RFC 4443) with the packet that an error quotes. */
import { fold, sum16 } from './checksum.ts';
import { Cursor } from './cursor.ts';
import type { Next } from './cursor.ts';
import type { ChecksumState, Layer } from './layers.ts';
import { pseudoSum } from './udp-layers.ts';

const ICMPV6 = 58;
const HEADER = 8;
/** Unreachable, source quench, redirect, time exceeded, parameter problem. */
const ERRORS_V4 = new Set([3, 4, 5, 11, 12]);
/** ICMPv6 errors have the high bit clear. */
const LEAST_INFORMATIONAL = 128;
const FRAGMENTATION_NEEDED = 4;
const PACKET_TOO_BIG = 2;

export function decodeIcmp(cursor: Cursor, { value: protocol, at, end }: Next): Next | null {
  const v6 = protocol === ICMPV6;
  if (end - at < HEADER) return cursor.cut(v6 ? 'the ICMPv6 header' : 'the ICMP header');
  const type = cursor.u8(at);
  const code = cursor.u8(at + 1);
  const checksum = state(cursor, v6, at, end);
  const isError = v6 ? type < LEAST_INFORMATIONAL : ERRORS_V4.has(type);
  const mtu = v6
    ? type === PACKET_TOO_BIG && cursor.u32(at + 4)
    : type === 3 && code === FRAGMENTATION_NEEDED && cursor.u16(at + 6);
  cursor.layers.push({
    layer: v6 ? 'icmpv6' : 'icmp',
    type,
    code,
    ...(mtu === false ? {} : { mtu }),
    checksum,
    quoted: isError ? quote(cursor, v6, at + HEADER, end) : [],
  });
  if (checksum === 'bad') cursor.find(`the ${v6 ? 'ICMPv6' : 'ICMP'} checksum is wrong`);
  return { kind: 'payload', value: 0, at: at + HEADER, end };
}

function state(cursor: Cursor, v6: boolean, at: number, end: number): ChecksumState {
  if (cursor.partialAt === at + 2) return 'partial';
  if (!cursor.around?.whole || cursor.around.fragment !== 'none') return 'unverifiable';
  const sum = v6 ? pseudoSum(cursor, ICMPV6, at, end, end - at) : fold(sum16(cursor.bytes, at, end));
  return sum === 0xffff ? 'good' : 'bad';
}

/** A quote inside a quote is not looked into: errors are not sent about errors. */
function quote(cursor: Cursor, v6: boolean, at: number, end: number): readonly Layer[] {
  if (cursor.quoted || end <= at) return [];
  const inner = new Cursor(cursor.bytes.subarray(at, end), cursor.ports, -1, true);
  inner.run({ kind: 'ethertype', value: v6 ? 0x86dd : 0x0800, at: 0, end: end - at });
  return inner.layers;
}
