/**
 * A right UDP segmenter, as a NIC is one: a packet with a virtio-net header in, the packets for the wire out. By the rules of
 * __udp_gso_segment(), inet_gso_segment(), ipv6_gso_segment() and virtio's device requirements.
 */
import { fold, sum16 } from './checksum.ts';
import { decodeIp } from './frame.ts';
import { UDP_CHECK, UDP_PROTOCOL } from './udp.ts';
import { VNET_SIZE, decodeVnet, isMisplaced } from './vnet.ts';
import type { VnetHeader } from './vnet.ts';

const UDP_HEADER = 8;

/** Where the headers of a frame with UDP in it are. Offsets in bytes. */
export interface Layout {
  readonly family: 'ipv4' | 'ipv6';
  readonly ipAt: number;
  readonly udpAt: number;
}

/** One packet on its way out: headers of its own, and the bytes behind them. Lengths and sums come with {@link seal}. */
export interface Piece {
  readonly head: Buffer;
  payload: Buffer;
}

/** What a device was handed, taken apart. */
export interface Handed {
  readonly layout: Layout;
  readonly frame: Buffer;
  /** 0: not to be segmented. */
  readonly gsoSize: number;
  /** The checksum is the device's to fill in. */
  readonly partial: boolean;
  /** It was told to do so where UDP has none: where to begin and to write, offsets in the frame. */
  readonly elsewhere?: { readonly from: number; readonly at: number };
}

/** Null when there is no UDP in it, which a segmenter leaves as it is. `bytes` begin with the virtio-net header. */
export function takeApart(bytes: Buffer): Handed | null {
  const vnet = decodeVnet(bytes);
  const frame = bytes.subarray(VNET_SIZE);
  const ip = decodeIp(frame);
  if (!vnet || ip?.protocol !== UDP_PROTOCOL || ip.laterFragment) return null;
  const ipAt = ip.bytes.byteOffset - frame.byteOffset;
  const layout = { family: ip.family, ipAt, udpAt: ipAt + ip.payloadAt };
  return {
    layout,
    // A copy: what follows the IP packet is padding.
    frame: Buffer.from(frame.subarray(0, ipAt + ip.bytes.length)),
    gsoSize: vnet.gso === 'udp-l4' ? vnet.gsoSize : 0,
    partial: vnet.partialChecksum,
    ...(isMisplaced(vnet, layout.udpAt) ? { elsewhere: place(vnet) } : {}),
  };
}

function place({ checksumAt = 0, checksumOffset = 0 }: VnetHeader): { from: number; at: number } {
  return { from: checksumAt, at: checksumAt + checksumOffset };
}

/** Cuts the payload; every piece has a copy of the headers, IPv4 identifications count up. */
export function pieces({ layout, frame, gsoSize }: Handed): Piece[] {
  const start = layout.udpAt + UDP_HEADER;
  const payload = frame.subarray(start);
  const count = gsoSize === 0 ? 1 : Math.max(1, Math.ceil(payload.length / gsoSize));
  const size = gsoSize === 0 ? payload.length : gsoSize;
  return Array.from({ length: count }, (_, i) => {
    const head = Buffer.from(frame.subarray(0, start));
    if (layout.family === 'ipv4') {
      const id = head.readUInt16BE(layout.ipAt + 4);
      head.writeUInt16BE((id + i) & 0xffff, layout.ipAt + 4);
    }
    return { head, payload: payload.subarray(i * size, (i + 1) * size) };
  });
}

/** The finished frame: lengths, IPv4 header checksum, UDP checksum. */
export function seal({ head, payload }: Piece, layout: Layout): Buffer {
  const frame = Buffer.concat([head, payload]);
  const { family, ipAt, udpAt } = layout;
  if (family === 'ipv4') frame.writeUInt16BE(frame.length - ipAt, ipAt + 2);
  else frame.writeUInt16BE(frame.length - ipAt - 40, ipAt + 4);
  frame.writeUInt16BE(frame.length - udpAt, udpAt + 4);
  fillSums(frame, layout);
  return frame;
}

/** Makes both checksums right for the bytes as they are. A UDP sum of 0 is sent as 0xffff: 0 means none (RFC 768). */
export function fillSums(frame: Buffer, { family, ipAt, udpAt }: Layout): void {
  if (family === 'ipv4') {
    frame.writeUInt16BE(0, ipAt + 10);
    // The header by its own length, also where what follows it has moved.
    const end = ipAt + (frame.readUInt8(ipAt) & 15) * 4;
    frame.writeUInt16BE(~fold(sum16(frame, ipAt, end)) & 0xffff, ipAt + 10);
  }
  const [from, to] = family === 'ipv4' ? [ipAt + 12, ipAt + 20] : [ipAt + 8, ipAt + 40];
  frame.writeUInt16BE(0, udpAt + 6);
  const pseudo = sum16(frame, from, to) + UDP_PROTOCOL + (frame.length - udpAt);
  const sum = ~fold(sum16(frame, udpAt, frame.length, pseudo)) & 0xffff;
  frame.writeUInt16BE(sum === 0 ? 0xffff : sum, udpAt + 6);
}

/** virtio 1.2, 5.1.6.2: a device sums up from where it is told, and leaves what UDP has as it came. */
function obey(frame: Buffer, { layout, frame: handed, elsewhere }: Handed): void {
  handed.copy(frame, layout.udpAt + UDP_CHECK, layout.udpAt + UDP_CHECK, layout.udpAt + UDP_HEADER);
  if (!elsewhere || elsewhere.at + 2 > frame.length) return;
  frame.writeUInt16BE(~fold(sum16(frame, elsewhere.from, frame.length)) & 0xffff, elsewhere.at);
}

/** What a device does with everything it was handed since it was last looked after: the frames it puts on the wire. */
export type Segmenter = (handed: readonly Buffer[]) => Buffer[];

/** The right one. What is not to be segmented and is checksummed already passes as it is. */
export const segment: Segmenter = (handed) => handed.flatMap((bytes) => cut(bytes, obey));

/** What is the agent's own arrives whatever the headers say of its checksums. */
export const carry: Segmenter = (handed) => handed.flatMap((bytes) => cut(bytes, () => undefined));

function cut(bytes: Buffer, misplace: typeof obey): Buffer[] {
  const apart = takeApart(bytes);
  if (!apart || (apart.gsoSize === 0 && !apart.partial)) return [bytes.subarray(VNET_SIZE)];
  return pieces(apart).map((piece) => {
    const frame = seal(piece, apart.layout);
    if (apart.elsewhere) misplace(frame, apart);
    return frame;
  });
}
