/** UDP headers and their checksum: RFC 768. */
import { fold, sum16 } from './checksum.ts';
import type { IpPacket, UdpPacket } from './frame.ts';

export const UDP_PROTOCOL = 17;
const UDP = UDP_PROTOCOL;
/** Offset of the checksum in a UDP header. */
export const UDP_CHECK = 6;
/** In bytes. */
export const UDP_HEADER = 8;

/** Undefined when it is not UDP or shorter than a UDP header. `partial`: a device is to fill in the checksum. */
export function decodeUdp(ip: IpPacket, partial = false): UdpPacket | undefined {
  const at = ip.payloadAt;
  if (ip.protocol !== UDP || ip.bytes.length < at + UDP_HEADER) return undefined;
  return {
    ip,
    sourcePort: ip.bytes.readUInt16BE(at),
    destinationPort: ip.bytes.readUInt16BE(at + 2),
    udpLength: ip.bytes.readUInt16BE(at + 4),
    checksum: partial ? verifyPartial(ip) : verify(ip),
    payload: ip.bytes.subarray(at + UDP_HEADER),
  };
}

/** Source and destination port; undefined when there is no whole UDP header. */
export function decodePorts({ protocol, bytes, payloadAt: at }: IpPacket): [number, number] | undefined {
  if (protocol !== UDP || bytes.length < at + UDP_HEADER) return undefined;
  return [bytes.readUInt16BE(at), bytes.readUInt16BE(at + 2)];
}

/** Over the pseudo header, the UDP header and all bytes up to the end of the IP packet. */
function verify(ip: IpPacket): UdpPacket['checksum'] {
  const at = ip.payloadAt;
  if (ip.bytes.readUInt16BE(at + UDP_CHECK) === 0) return 'zero';
  return fold(sum16(ip.bytes, at, ip.bytes.length, pseudo(ip))) === 0xffff ? 'good' : 'bad';
}

/** What a device adds the rest to: the pseudo header's sum, not negated, in which 0 and 0xffff are the same. */
function verifyPartial(ip: IpPacket): UdpPacket['checksum'] {
  const given = ip.bytes.readUInt16BE(ip.payloadAt + UDP_CHECK);
  return given % 0xffff === fold(pseudo(ip)) % 0xffff ? 'partial' : 'bad';
}

function pseudo({ source, destination, bytes, payloadAt }: IpPacket): number {
  const addresses = sum16(destination, 0, destination.length, sum16(source, 0, source.length));
  return addresses + UDP + bytes.length - payloadAt;
}
