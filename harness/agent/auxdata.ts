/** What AF_PACKET says beside a frame: its time, and struct tpacket_auxdata, include/uapi/linux/if_packet.h. */
import { CMSGHDR } from './layout.ts';
import type { IncomingMessage } from './sys.ts';

/** Offsets behind the control message's header; `vlan`: the tag's control information, then its type. */
const AT = { status: 0, vlan: 16 } as const;
const SIZE = 20;
const TP_STATUS = { CSUMNOTREADY: 8, VLAN_VALID: 0x10 } as const;

/** struct timespec of SO_TIMESTAMPNS: packet_recvmsg() puts it first, where there is one. */
const STAMP = { type: 35, size: CMSGHDR.size + 16 } as const;

/** CLOCK_REALTIME. */
export interface Stamp {
  /** Since 1970. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

export interface Auxdata {
  /** The checksum is left to be filled in. */
  readonly partialChecksum: boolean;
  /** The VLAN tag that was taken out of the frame before a capture sees it (skb_vlan_untag()), as hex; empty: none. */
  readonly tag: string;
  /** When the frame passed; undefined: nobody said. */
  readonly stamp: Stamp | undefined;
}

export function readAuxdata({ controlWords, controlLength }: IncomingMessage): Auxdata {
  const stamp = readStamp(controlWords, controlLength);
  const data = CMSGHDR.size + (stamp ? STAMP.size : 0);
  const status = controlLength < data + SIZE ? 0 : (controlWords[(data + AT.status) / 4] ?? 0);
  const vlan = controlWords[(data + AT.vlan) / 4] ?? 0;
  return {
    partialChecksum: (status & TP_STATUS.CSUMNOTREADY) !== 0,
    tag: (status & TP_STATUS.VLAN_VALID) === 0 ? '' : hex16(vlan >>> 16) + hex16(vlan & 0xffff),
    stamp,
  };
}

function hex16(value: number): string {
  return value.toString(16).padStart(4, '0');
}

function readStamp(words: Uint32Array, length: number): Stamp | undefined {
  if (length < STAMP.size || words[CMSGHDR.type / 4] !== STAMP.type) return undefined;
  // Both fit where integers are exact.
  return { seconds: words[CMSGHDR.size / 4] ?? 0, nanoseconds: words[CMSGHDR.size / 4 + 2] ?? 0 };
}

/** In ms, exact to the microsecond. */
export function since({ seconds, nanoseconds }: Stamp, origin: Stamp): number {
  const us = (seconds - origin.seconds) * 1e6 + (nanoseconds - origin.nanoseconds) / 1e3;
  return Math.round(us) / 1e3;
}
