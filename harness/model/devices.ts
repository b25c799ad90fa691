/** What a device takes of what is handed to it. */
import type { Link, TapOffload } from '../contract/topology.ts';
import type { Rules } from './signals.ts';

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

const MASTERS: ReadonlySet<string> = new Set(['bond', 'team']);
/** They have all of NETIF_F_GSO_SOFTWARE. */
const SOFTWARE: ReadonlySet<string> = new Set(['lo', 'veth', 'vxlan']);

/** `way`: from the device that a packet is handed to down to the one it leaves by; undefined: lo that the topology does not name. */
export function deviceOf(way: readonly (Link | undefined)[], rules: Rules): Device {
  // What stands above a device takes what that one takes: their features follow it (netdev_increment_features()). It cuts what it
  // was itself told not to take, or to take less of.
  const link = way.at(-1);
  const features: Readonly<Record<string, boolean | undefined>> = link?.features ?? {};
  const kind = link?.kind ?? 'lo';
  const checksums = features['tx-checksum-ip-generic'] ?? true;
  // NETIF_F_GSO_SOFTWARE holds NETIF_F_GSO_UDP_L4 since 2e4ef10f5850; dummy and ifb advertise it since ecb8fed408b6.
  const inherent = (): boolean =>
    kind === 'tap' || rules.has(SOFTWARE.has(kind) ? 'loopback-carries-gso' : 'dummy-advertises-gso');
  const uso =
    way.every((one) => one?.features['tx-udp-segmentation'] !== false) &&
    (features['tx-udp-segmentation'] ?? inherent());
  // Neither scatter-gather nor generic segmentation are asked for: skb_gso_ok() looks for the packet's own type, and
  // validate_xmit_skb() makes it linear where it must.
  const gsoMaxSize = Math.min(...way.map((one) => one?.gsoMaxSize ?? GSO_LIMITS.gsoMaxSize));
  const gsoMaxSegs = Math.min(...way.map((one) => one?.gsoMaxSegs ?? GSO_LIMITS.gsoMaxSegs));
  // bond_fix_features() and team_fix_features() leave that on, whatever their ports can do.
  const promises = MASTERS.has(way[0]?.kind ?? 'lo') || checksums;
  return { checksums, promises, whole: uso && checksums, partial: false, gsoMaxSize, gsoMaxSegs };
}
