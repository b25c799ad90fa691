/** A captured packet in a VXLAN tunnel: the packet around it, and the frame inside. */
import type { Packet } from '../contract/evidence.ts';
import { fold, sum16 } from '../wire/checksum.ts';
import { decodeIp } from '../wire/frame.ts';
import type { IpPacket } from '../wire/frame.ts';
import { VXLAN_HEADER, VXLAN_PORT } from '../wire/tunnels.ts';
import { UDP_CHECK, UDP_HEADER, decodePorts, decodeUdp } from '../wire/udp.ts';
import { isMisplaced } from '../wire/vnet.ts';
import type { VnetHeader } from '../wire/vnet.ts';

export interface Tunnelled {
  /** The frame inside, and where it begins. */
  readonly frame: Buffer;
  readonly at: number;
  readonly outer: Pick<Packet, 'outerChecksum' | 'outerUdpLength' | 'outerIpLength'>;
}

/** Undefined: it is in no tunnel. `head`: bytes of the frame before the payload; what is behind an outer header only is payload. */
export function tunnelled(bytes: Buffer, head: number, vnet: VnetHeader): Tunnelled | undefined {
  const ip = decodeIp(bytes);
  const ports = ip && !ip.laterFragment ? decodePorts(ip) : undefined;
  if (!ip || ports?.[1] !== VXLAN_PORT) return undefined;
  const transport = offsetOf(ip, bytes);
  const at = transport + UDP_HEADER + VXLAN_HEADER;
  if (head <= at) return undefined;
  // What is to be cut has a sum of the pseudo header in each of its checksums (udp_set_csum()).
  const own = vnet.partialChecksum && (vnet.gso !== 'none' || !isMisplaced(vnet, transport));
  const whole = own ? ip : decodeIp(filledIn(bytes, vnet));
  const udp = whole && decodeUdp(whole, own);
  if (!udp) return undefined;
  const unchecked = vnet.gso !== 'none' && bytes.readUInt16BE(transport + UDP_CHECK) === 0;
  const outerChecksum = unchecked ? 'zero' : udp.checksum;
  const outer: Tunnelled['outer'] = {
    outerChecksum,
    outerUdpLength: udp.udpLength,
    outerIpLength: ip.ipLength,
  };
  return { frame: bytes.subarray(at), at, outer };
}

/**
 * The checksum that is left to a device, as it has to be: the outer one counts on it (lco_csum()). One that would stand behind the
 * frame's end is left out.
 */
function filledIn(bytes: Buffer, { partialChecksum, checksumAt, checksumOffset }: VnetHeader): Buffer {
  if (!partialChecksum || checksumAt === undefined || checksumOffset !== UDP_CHECK) return bytes;
  if (checksumAt + UDP_CHECK + 2 > bytes.length) return bytes;
  const copy = Buffer.from(bytes);
  const sum = ~fold(sum16(copy, checksumAt, copy.length)) & 0xffff;
  copy.writeUInt16BE(sum === 0 ? 0xffff : sum, checksumAt + checksumOffset);
  return copy;
}

/** Of the UDP header, in the frame. */
export function offsetOf(ip: IpPacket, frame: Buffer): number {
  return ip.bytes.byteOffset - frame.byteOffset + ip.payloadAt;
}
