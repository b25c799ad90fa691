/** What AF_PACKET says beside a frame: struct tpacket_auxdata, include/uapi/linux/if_packet.h. */
import { CMSGHDR } from './layout.ts';
import type { IncomingMessage } from './sys.ts';

/** Offsets behind the control message's header. */
const AT = { status: 0, tci: 16, tpid: 18 } as const;
const SIZE = 20;
const TP_STATUS = { CSUMNOTREADY: 8, VLAN_VALID: 0x10 } as const;

export interface Auxdata {
  /** The checksum is left to be filled in. */
  readonly partialChecksum: boolean;
  /** The VLAN tag that was taken out of the frame before a capture sees it (skb_vlan_untag()), as hex; empty: none. */
  readonly tag: string;
}

const NONE: Auxdata = { partialChecksum: false, tag: '' };

export function readAuxdata({ control, controlLength }: IncomingMessage): Auxdata {
  if (controlLength < CMSGHDR.size + SIZE) return NONE;
  const status = control.readUInt32LE(CMSGHDR.size + AT.status);
  if ((status & (TP_STATUS.CSUMNOTREADY | TP_STATUS.VLAN_VALID)) === 0) return NONE;
  const word = (at: number): string =>
    control
      .readUInt16LE(CMSGHDR.size + at)
      .toString(16)
      .padStart(4, '0');
  return {
    partialChecksum: (status & TP_STATUS.CSUMNOTREADY) !== 0,
    tag: (status & TP_STATUS.VLAN_VALID) === 0 ? '' : word(AT.tpid) + word(AT.tci),
  };
}
