/** UDP headers and their checksum: RFC 768. */
import { fold, sum16 } from './checksum.ts';
import type { IpPacket, UdpPacket } from './frame.ts';

export const UDP_PROTOCOL = 17;
const UDP = UDP_PROTOCOL;
const HEADER = 8;

/** Undefined when it is not UDP or shorter than a UDP header. */
export function decodeUdp(ip: IpPacket): UdpPacket | undefined {
  const at = ip.payloadAt;
  if (ip.protocol !== UDP || ip.bytes.length < at + HEADER) return undefined;
  return {
    ip,
    sourcePort: ip.bytes.readUInt16BE(at),
    destinationPort: ip.bytes.readUInt16BE(at + 2),
    udpLength: ip.bytes.readUInt16BE(at + 4),
    checksum: verify(ip),
    payload: ip.bytes.subarray(at + HEADER),
  };
}

/** Over the pseudo header, the UDP header and all bytes up to the end of the IP packet. */
function verify(ip: IpPacket): UdpPacket['checksum'] {
  const at = ip.payloadAt;
  if (ip.bytes.readUInt16BE(at + 6) === 0) return 'zero';
  const length = ip.bytes.length - at;
  let sum = sum16(ip.source, 0, ip.source.length);
  sum = sum16(ip.destination, 0, ip.destination.length, sum);
  sum = sum16(ip.bytes, at, ip.bytes.length, sum + UDP + length);
  return fold(sum) === 0xffff ? 'good' : 'bad';
}
