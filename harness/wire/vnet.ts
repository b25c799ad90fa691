/** struct virtio_net_hdr as AF_PACKET and tun put it before a frame: include/uapi/linux/virtio_net.h, native order. */
import { UDP_CHECK } from './udp.ts';

export const VNET_SIZE = 10;
const NEEDS_CSUM = 1;
const ECN = 0x80;
const GSO: Readonly<Record<number, string>> = { 0: 'none', 1: 'tcpv4', 3: 'udp', 4: 'tcpv6', 5: 'udp-l4' };

export interface VnetHeader {
  /** `none`, `udp-l4` …; a type without a name as its number. */
  readonly gso: string;
  /** In bytes. */
  readonly gsoSize: number;
  /** How many bytes, from the frame's first, its headers take or more: what a reader may have to make linear. Absent: nobody said. */
  readonly headerLength?: number;
  /** The checksum is left to be filled in. */
  readonly partialChecksum: boolean;
  /** Where it begins to count, from the frame's first byte; and from there on, where it stands. Absent: nobody said. */
  readonly checksumAt?: number;
  readonly checksumOffset?: number;
}

/** Undefined when there are fewer than {@link VNET_SIZE} bytes. */
export function decodeVnet(bytes: Buffer): VnetHeader | undefined {
  if (bytes.length < VNET_SIZE) return undefined;
  const type = bytes.readUInt8(1) & ~ECN;
  return {
    gso: GSO[type] ?? String(type),
    gsoSize: bytes.readUInt16LE(4),
    headerLength: bytes.readUInt16LE(2),
    partialChecksum: (bytes.readUInt8(0) & NEEDS_CSUM) !== 0,
    checksumAt: bytes.readUInt16LE(6),
    checksumOffset: bytes.readUInt16LE(8),
  };
}

/**
 * The header's `hdr_len` where it leaves out some of a GSO packet's `headers` (bytes): VIRTIO 1.2, 5.1.6.2.1, wants it to cover the
 * transport header.
 */
export function tooShort({ gso, headerLength }: VnetHeader, headers: number): number | undefined {
  return gso !== 'none' && headerLength !== undefined && headerLength < headers ? headerLength : undefined;
}

/** Is a checksum to be filled in that is not where UDP has it? `transport`: offset of the UDP header in the frame. */
export function isMisplaced(header: VnetHeader, transport: number): boolean {
  const { partialChecksum, checksumAt, checksumOffset } = header;
  return (
    partialChecksum && checksumAt !== undefined && (checksumAt !== transport || checksumOffset !== UDP_CHECK)
  );
}
