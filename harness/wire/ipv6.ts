/** IPv6 headers and extension headers: RFC 8200, RFC 8754. */
import type { IpPacket } from './frame.ts';

const HEADER = 40;
const NEXT = { HOP_BY_HOP: 0, ROUTING: 43, FRAGMENT: 44, DESTINATION: 60 } as const;
const EXTENSIONS: ReadonlySet<number> = new Set(Object.values(NEXT));
/** Fragment offset, in the upper 13 bits. */
const FRAGMENT_OFFSET = 0xfff8;

/** From the first byte of the IPv6 header on; undefined when a header is cut. */
export function decodeIpv6(bytes: Buffer): IpPacket | undefined {
  if (bytes.length < HEADER || bytes.readUInt8(0) >> 4 !== 6) return undefined;
  const payloadLength = bytes.readUInt16BE(4);
  // 0: a jumbogram, or BIG TCP; then the frame says where it ends.
  const end = payloadLength === 0 ? bytes.length : Math.min(HEADER + payloadLength, bytes.length);
  const packet = bytes.subarray(0, end);
  let protocol = packet.readUInt8(6);
  let at = HEADER;
  let laterFragment = false;
  let moreFragments = false;
  let destination = packet.subarray(24, 40);
  while (EXTENSIONS.has(protocol) && !laterFragment) {
    if (packet.length < at + 8) return undefined;
    if (protocol === NEXT.FRAGMENT) {
      laterFragment = (packet.readUInt16BE(at + 2) & FRAGMENT_OFFSET) !== 0;
      moreFragments = (packet.readUInt8(at + 3) & 1) !== 0;
    }
    const segmentsLeft = packet.readUInt8(at + 3);
    // Types 2 and 4 hold the final destination first; the checksum is made over that one.
    if (protocol === NEXT.ROUTING && segmentsLeft > 0 && packet.length >= at + 24)
      destination = packet.subarray(at + 8, at + 24);
    const next = packet.readUInt8(at);
    at += protocol === NEXT.FRAGMENT ? 8 : (packet.readUInt8(at + 1) + 1) * 8;
    protocol = next;
    if (packet.length < at) return undefined;
  }
  return {
    family: 'ipv6',
    bytes: packet,
    ipLength: HEADER + payloadLength,
    protocol,
    payloadAt: at,
    laterFragment,
    moreFragments,
    ttl: packet.readUInt8(7),
    tos: (packet.readUInt16BE(0) >> 4) & 255,
    source: packet.subarray(8, 24),
    destination,
  };
}
