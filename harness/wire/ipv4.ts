/** IPv4 headers: RFC 791. */
import type { IpPacket } from './frame.ts';

const MIN_HEADER = 20;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET = 0x1fff;

/** From the first byte of the IP header on; undefined when it is no whole IPv4 header. */
export function decodeIpv4(bytes: Buffer): IpPacket | undefined {
  if (bytes.length < MIN_HEADER || bytes.readUInt8(0) >> 4 !== 4) return undefined;
  const header = (bytes.readUInt8(0) & 15) * 4;
  if (header < MIN_HEADER || bytes.length < header) return undefined;
  const ipLength = bytes.readUInt16BE(2);
  const fragment = bytes.readUInt16BE(6);
  // A total length of 0 stands for "more than 65535" (BIG TCP): then the frame says where it ends.
  const end = ipLength === 0 ? bytes.length : Math.max(header, Math.min(ipLength, bytes.length));
  return {
    family: 'ipv4',
    bytes: bytes.subarray(0, end),
    ipLength,
    protocol: bytes.readUInt8(9),
    payloadAt: header,
    laterFragment: (fragment & FRAGMENT_OFFSET) !== 0,
    moreFragments: (fragment & MORE_FRAGMENTS) !== 0,
    ttl: bytes.readUInt8(8),
    tos: bytes.readUInt8(1),
    df: (fragment & DONT_FRAGMENT) !== 0,
    ipId: bytes.readUInt16BE(4),
    source: bytes.subarray(12, 16),
    destination: bytes.subarray(16, 20),
  };
}
