/** Frames made from scratch, for those the agent puts on a device itself. Lengths in bytes, addresses of 4 or 16. */
import { fold, sum16 } from './checksum.ts';
import type { HeaderFaults } from '../contract/program.ts';
import { UDP_CHECK, UDP_PROTOCOL } from './udp.ts';

const IPV4 = { size: 20, type: 0x0800, dontFragment: 0x4000 } as const;
const IPV6 = { size: 40, type: 0x86dd } as const;
const UDP_SIZE = 8;
const ICMP = { protocol: 1, unreachable: 3, tooBig: 4 } as const;
const ICMP6 = { protocol: 58, tooBig: 2 } as const;
const TTL = 64;

export interface Addresses {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** A link header: to, from, and the type that the IP packet's addresses tell. */
export function ethernet(to: Buffer, from: Buffer, addresses: Addresses, packet: Buffer): Buffer {
  const type = Buffer.alloc(2);
  type.writeUInt16BE(addresses.from.length === 4 ? IPV4.type : IPV6.type);
  return Buffer.concat([to, from, type, packet]);
}

/** An IP packet around `payload`, with the don't-fragment bit. */
export function ip(protocol: number, addresses: Addresses, payload: Buffer): Buffer {
  const { from, to } = addresses;
  if (from.length === 4) {
    const header = Buffer.alloc(IPV4.size);
    header.writeUInt8(0x45, 0);
    header.writeUInt16BE(IPV4.size + payload.length, 2);
    header.writeUInt16BE(IPV4.dontFragment, 6);
    header.writeUInt8(TTL, 8);
    header.writeUInt8(protocol, 9);
    from.copy(header, 12);
    to.copy(header, 16);
    header.writeUInt16BE(~fold(sum16(header, 0, header.length)) & 0xffff, 10);
    return Buffer.concat([header, payload]);
  }
  const header = Buffer.alloc(8);
  header.writeUInt8(0x60, 0);
  header.writeUInt16BE(payload.length, 4);
  header.writeUInt8(protocol, 6);
  header.writeUInt8(TTL, 7);
  return Buffer.concat([header, from, to, payload]);
}

/** The sum over the pseudo header: addresses, length, protocol. Folded. */
function pseudo({ from, to }: Addresses, protocol: number, length: number): number {
  const addresses = sum16(from, 0, from.length, sum16(to, 0, to.length));
  return fold(addresses + protocol + length);
}

/** `partial`: the checksum field holds the pseudo header's sum, and whoever sends it on is to fill it in. */
export function udp(
  ports: { readonly from: number; readonly to: number },
  addresses: Addresses,
  payload: Buffer,
  partial: boolean,
): Buffer {
  const header = Buffer.alloc(UDP_SIZE);
  const length = UDP_SIZE + payload.length;
  header.writeUInt16BE(ports.from, 0);
  header.writeUInt16BE(ports.to, 2);
  header.writeUInt16BE(length & 0xffff, 4);
  const sum = pseudo(addresses, UDP_PROTOCOL, length);
  const bytes = Buffer.concat([header, payload]);
  const check = partial ? sum : ~fold(sum16(bytes, 0, bytes.length, sum)) & 0xffff || 0xffff;
  bytes.writeUInt16BE(check, 6);
  return bytes;
}

/** Makes header fields of a packet of {@link ip} with UDP in it say something else. */
export function spoil(packet: Buffer, faults: HeaderFaults): Buffer {
  const { version, ihl, ipLength, ipChecksum, udpLength, udpChecksum } = faults;
  const four = packet.readUInt8(0) >> 4 === 4;
  const transport = four ? IPV4.size : IPV6.size;
  const [high, low] = [packet.readUInt8(0) >> 4, packet.readUInt8(0) & 15];
  packet.writeUInt8(((version ?? high) << 4) | (four ? (ihl ?? low) : low), 0);
  if (ipLength !== undefined) packet.writeUInt16BE(ipLength, four ? 2 : 4);
  if (udpLength !== undefined) packet.writeUInt16BE(udpLength, transport + 4);
  if (udpChecksum !== undefined) packet.writeUInt16BE(udpChecksum, transport + UDP_CHECK);
  if (!four) return packet;
  packet.writeUInt16BE(0, 10);
  packet.writeUInt16BE(ipChecksum ?? ~fold(sum16(packet, 0, IPV4.size)) & 0xffff, 10);
  return packet;
}

/** ICMP "fragmentation needed" or ICMPv6 "packet too big", quoting the packet it is about. */
export function tooBig(addresses: Addresses, mtu: number, about: Buffer): Buffer {
  const header = Buffer.alloc(8);
  if (addresses.from.length === 4) {
    header.writeUInt8(ICMP.unreachable, 0);
    header.writeUInt8(ICMP.tooBig, 1);
    header.writeUInt16BE(mtu, 6);
  } else {
    header.writeUInt8(ICMP6.tooBig, 0);
    header.writeUInt32BE(mtu, 4);
  }
  const bytes = Buffer.concat([header, about]);
  const six = addresses.from.length === 16;
  const start = six ? pseudo(addresses, ICMP6.protocol, bytes.length) : 0;
  bytes.writeUInt16BE(~fold(sum16(bytes, 0, bytes.length, start)) & 0xffff, 2);
  return ip(six ? ICMP6.protocol : ICMP.protocol, addresses, bytes);
}

/** struct virtio_net_hdr, native order. */
export function vnet(fields: readonly [number, number, number, number, number, number]): Buffer {
  const bytes = Buffer.alloc(10);
  const [flags, gsoType, ...words] = fields;
  bytes.writeUInt8(flags, 0);
  bytes.writeUInt8(gsoType, 1);
  for (const [i, word] of words.entries()) bytes.writeUInt16LE(word, 2 + 2 * i);
  return bytes;
}
