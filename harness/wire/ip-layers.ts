/** IPv4 (RFC 791), IPv6 and its extension headers (RFC 8200, 4302, 4303, 6275). */
import { formatAddress } from './address.ts';
import { fold, sum16 } from './checksum.ts';
import type { Cursor, Next } from './cursor.ts';
import type { IpOption } from './layers.ts';

const NEXT = {
  HOP_BY_HOP: 0,
  ROUTING: 43,
  FRAGMENT: 44,
  ESP: 50,
  AH: 51,
  NONE: 59,
  DESTINATION: 60,
} as const;
/** Mobility, HIP, Shim6 and two for experiments have the length field of the others. */
const MORE = [135, 139, 140, 253, 254];
/** Headers that are understood as such; ESP hides what is behind it. */
export const IPV6_EXTENSIONS: ReadonlySet<number> = new Set([...Object.values(NEXT), ...MORE]);

export function decodeIpv4Layer(cursor: Cursor, { at, end }: Next): Next | null {
  if (end - at < 20) return cursor.cut('the IPv4 header');
  const version = cursor.u8(at) >> 4;
  const headerLength = (cursor.u8(at) & 15) * 4;
  if (version !== 4 || headerLength < 20) {
    cursor.find(
      version === 4 ? `an IPv4 header of ${headerLength} bytes` : `IP version ${version} where 4 is due`,
    );
    return { kind: 'payload', value: 0, at, end };
  }
  if (end - at < headerLength) return cursor.cut('the IPv4 options');
  const totalLength = cursor.u16(at + 2);
  const flags = cursor.u16(at + 6);
  const fragmentOffset = (flags & 0x1fff) * 8;
  const more = (flags & 0x2000) !== 0;
  const sum = fold(sum16(cursor.bytes, at, at + headerLength));
  const checksum = cursor.partialAt === at + 10 ? 'partial' : sum === 0xffff ? 'good' : 'bad';
  const protocol = cursor.u8(at + 9);
  cursor.layers.push({
    layer: 'ipv4',
    source: formatAddress(cursor.bytes.subarray(at + 12, at + 16)),
    destination: formatAddress(cursor.bytes.subarray(at + 16, at + 20)),
    headerLength,
    totalLength,
    id: cursor.u16(at + 4),
    df: (flags & 0x4000) !== 0,
    more,
    fragmentOffset,
    ttl: cursor.u8(at + 8),
    tos: cursor.u8(at + 1),
    protocol,
    checksum,
    options: ipv4Options(cursor, at + 20, at + headerLength),
    optionBytes: cursor.hex(at + 20, at + headerLength),
  });
  if (checksum === 'bad') cursor.find('the IPv4 header checksum is wrong');
  if ((flags & 0x8000) !== 0) cursor.find('the reserved IPv4 flag is set');
  // A total length of 0 stands for "more than 65535" (BIG TCP).
  const last = totalLength === 0 ? end : at + totalLength;
  if (last > end || last < at + headerLength)
    cursor.find(`IPv4 total length ${totalLength}, ${end - at} bytes are there`);
  cursor.around = {
    source: cursor.bytes.subarray(at + 12, at + 16),
    destination: cursor.bytes.subarray(at + 16, at + 20),
    fragment: fragmentOffset > 0 ? 'later' : more ? 'first' : 'none',
    whole: last <= end,
  };
  const inside = { at: at + headerLength, end: Math.max(at + headerLength, Math.min(end, last)) };
  return fragmentOffset > 0
    ? { kind: 'payload', value: 0, ...inside }
    : { kind: 'ip', value: protocol, ...inside };
}

function ipv4Options(cursor: Cursor, from: number, to: number): IpOption[] {
  const options: IpOption[] = [];
  let at = from;
  while (at < to) {
    const type = cursor.u8(at);
    if (type === 0) break;
    const length = type === 1 ? 1 : cursor.u8(at + 1);
    if (type !== 1 && (length < 2 || at + length > to || at + 1 >= to)) {
      cursor.find(`IPv4 option ${type} has length ${length}`);
      break;
    }
    options.push({ type, data: cursor.hex(at + 2, at + length) });
    at += length;
  }
  return options;
}

export function decodeIpv6Layer(cursor: Cursor, { at, end }: Next): Next | null {
  if (end - at < 40) return cursor.cut('the IPv6 header');
  const version = cursor.u8(at) >> 4;
  if (version !== 6) {
    cursor.find(`IP version ${version} where 6 is due`);
    return { kind: 'payload', value: 0, at, end };
  }
  const payloadLength = cursor.u16(at + 4);
  const nextHeader = cursor.u8(at + 6);
  cursor.layers.push({
    layer: 'ipv6',
    source: formatAddress(cursor.bytes.subarray(at + 8, at + 24)),
    destination: formatAddress(cursor.bytes.subarray(at + 24, at + 40)),
    payloadLength,
    hopLimit: cursor.u8(at + 7),
    trafficClass: (cursor.u16(at) >> 4) & 255,
    flowLabel: cursor.u32(at) % 0x100000,
    nextHeader,
  });
  // 0: a jumbogram, or BIG TCP.
  const last = payloadLength === 0 ? end : at + 40 + payloadLength;
  if (last > end) cursor.find(`IPv6 payload length ${payloadLength}, ${end - at - 40} bytes are there`);
  cursor.around = {
    source: cursor.bytes.subarray(at + 8, at + 24),
    destination: cursor.bytes.subarray(at + 24, at + 40),
    fragment: 'none',
    whole: last <= end,
  };
  return { kind: 'ip', value: nextHeader, at: at + 40, end: Math.min(end, last) };
}

export function decodeExtension(cursor: Cursor, { value: header, at, end }: Next): Next | null {
  if (header === NEXT.NONE || header === NEXT.ESP) {
    cursor.layers.push({
      layer: 'opaque',
      what: header === NEXT.ESP ? 'ESP' : 'no next header',
      length: end - at,
      at,
    });
    return null;
  }
  if (end - at < 8) return cursor.cut(`extension header ${header}`);
  const nextHeader = cursor.u8(at);
  const units = cursor.u8(at + 1);
  const length = header === NEXT.FRAGMENT ? 8 : header === NEXT.AH ? (units + 2) * 4 : (units + 1) * 8;
  if (at + length > end) return cursor.cut(`extension header ${header}`);
  const common = { layer: 'extension', header, nextHeader, body: cursor.hex(at + 1, at + length) } as const;
  const next = { kind: 'ip', value: nextHeader, at: at + length, end } as const;
  if (header === NEXT.FRAGMENT) {
    const word = cursor.u16(at + 2);
    const fragment = { offset: word & 0xfff8, more: (word & 1) !== 0, id: cursor.u32(at + 4) };
    cursor.layers.push({ ...common, fragment });
    const state = fragment.offset > 0 ? 'later' : fragment.more ? 'first' : 'none';
    if (cursor.around) cursor.around = { ...cursor.around, fragment: state };
    return state === 'later' ? { kind: 'payload', value: 0, at: at + length, end } : next;
  }
  if (header === NEXT.ROUTING) {
    const segmentsLeft = cursor.u8(at + 3);
    cursor.layers.push({ ...common, segmentsLeft });
    // Types 2 and 4 have the final destination first; the checksum is made over that one (RFC 8200 8.1, RFC 8754).
    if (segmentsLeft > 0 && length >= 24 && cursor.around)
      cursor.around = { ...cursor.around, destination: cursor.bytes.subarray(at + 8, at + 24) };
    return next;
  }
  const withOptions = header === NEXT.HOP_BY_HOP || header === NEXT.DESTINATION;
  cursor.layers.push(withOptions ? { ...common, options: ipv6Options(cursor, at + 2, at + length) } : common);
  return next;
}

function ipv6Options(cursor: Cursor, from: number, to: number): IpOption[] {
  const options: IpOption[] = [];
  let at = from;
  while (at < to) {
    const type = cursor.u8(at);
    const length = type === 0 ? 1 : 2 + cursor.u8(at + 1);
    if (at + length > to || (type !== 0 && at + 1 >= to)) {
      cursor.find(`IPv6 option ${type} has length ${length}`);
      break;
    }
    // Pad1 and PadN
    if (type > 1) options.push({ type, data: cursor.hex(at + 2, at + length) });
    at += length;
  }
  return options;
}
