/** Decodes an Ethernet frame down to UDP. Pure, and total: whatever the bytes are, there is an answer and no exception. */
import { decodeIpv4 } from './ipv4.ts';
import { decodeIpv6 } from './ipv6.ts';
import { decodeUdp } from './udp.ts';

/** What an IP header says, and where its payload is. */
export interface IpPacket {
  readonly family: 'ipv4' | 'ipv6';
  /** The IP packet: from its header to its end by its own length, or the frame's end if that comes first. */
  readonly bytes: Buffer;
  /** IPv4 total length; IPv6 payload length + 40. In bytes. */
  readonly ipLength: number;
  /** 0..255: the header behind IP and all extension headers. */
  readonly protocol: number;
  /** Offset of that header in `bytes`. */
  readonly payloadAt: number;
  /** Not the first fragment: there is no UDP header in it. */
  readonly laterFragment: boolean;
  /** Another fragment follows. */
  readonly moreFragments: boolean;
  readonly ttl: number;
  readonly tos: number;
  readonly df?: boolean;
  readonly ipId?: number;
  readonly source: Buffer;
  /** As far as checksums are concerned: the last hop of a routing header. */
  readonly destination: Buffer;
}

export interface UdpPacket {
  readonly ip: IpPacket;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** The UDP header's length field in bytes, right or wrong. */
  readonly udpLength: number;
  /** `partial`: it is to be filled in, and begun right. */
  readonly checksum: 'good' | 'bad' | 'zero' | 'partial';
  /** All bytes behind the UDP header up to the end of the IP packet. */
  readonly payload: Buffer;
}

const ETHERNET = 14;
const ETHERTYPE = { IPV4: 0x0800, IPV6: 0x86dd, VLAN: 0x8100, QINQ: 0x88a8 } as const;

/** The IP packet in an Ethernet frame, VLAN tags skipped; undefined when there is none. */
export function decodeIp(frame: Buffer): IpPacket | undefined {
  let at = ETHERNET;
  if (frame.length < at) return undefined;
  let type = frame.readUInt16BE(at - 2);
  while (type === ETHERTYPE.VLAN || type === ETHERTYPE.QINQ) {
    at += 4;
    if (frame.length < at) return undefined;
    type = frame.readUInt16BE(at - 2);
  }
  if (type === ETHERTYPE.IPV4) return decodeIpv4(frame.subarray(at));
  if (type === ETHERTYPE.IPV6) return decodeIpv6(frame.subarray(at));
  return undefined;
}

/** The UDP packet in an Ethernet frame; undefined for anything else, later fragments and cut headers included. */
export function decodeFrame(frame: Buffer): UdpPacket | undefined {
  const ip = decodeIp(frame);
  return ip && !ip.laterFragment ? decodeUdp(ip) : undefined;
}
