/** What a device takes of what is handed to it. */
import type { Link, TapOffload } from '../contract/topology.ts';

/** What matters of a device's features. */
export interface Device {
  /** Takes partial checksums (NETIF_F_HW_CSUM). */
  readonly checksums: boolean;
  /** The same by the device of the route, which may stand above. */
  readonly promises: boolean;
  /** Takes UDP GSO packets whole (NETIF_F_GSO_UDP_L4). */
  readonly whole: boolean;
  /** Cuts such a packet into an exact multiple and a tail (NETIF_F_GSO_PARTIAL). */
  readonly partial: boolean;
  /** Packets of so many bytes or more are cut by software (24ab059d2ebd); the link header counts. */
  readonly gsoMaxSize: number;
  /** Packets of more segments are cut by software. */
  readonly gsoMaxSegs: number;
}

/** GSO_LEGACY_MAX_SIZE and GSO_MAX_SEGS (include/linux/netdevice.h): unless somebody changes them. */
export const GSO_LIMITS = { gsoMaxSize: 65536, gsoMaxSegs: 65535 } as const;

/** What comes out of a NIC is cut and checksummed. */
export const ON_THE_WIRE: Device = {
  checksums: false,
  promises: false,
  whole: false,
  partial: false,
  ...GSO_LIMITS,
};
/** The host's own copy of what goes to many is taken before any device sees it. */
export const UNCUT: Device = {
  ...{ checksums: true, promises: true, whole: true, partial: false },
  ...{ gsoMaxSize: Infinity, gsoMaxSegs: Infinity },
};

/** set_offload() of tun.c: the device's features are what its other side takes. */
export function taken(offloads: readonly TapOffload[]): Link['features'] {
  return {
    'tx-checksum-ip-generic': offloads.includes('csum'),
    'tx-udp-segmentation': offloads.includes('uso4') && offloads.includes('uso6'),
  };
}
