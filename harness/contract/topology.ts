/** A topology with every parameter fixed: the namespaces, links, addresses and features a case runs over. */
export interface Topology {
  readonly name: string;
  /** Same key, same topology: lets the agent keep one built topology for many cases. */
  readonly key: string;
  readonly namespaces: Readonly<Record<string, Namespace>>;
}

export interface Namespace {
  readonly links: readonly Link[];
  readonly routes: readonly Route[];
  /** In the order in which they are asked, all of them before the kernel's own. */
  readonly rules?: readonly Rule[];
  /** Keys as in /proc/sys with slashes, e.g. `net/ipv4/ip_no_pmtu_disc`. */
  readonly sysctls: Readonly<Record<string, string>>;
}

/** Kinds of links that topologies are made of, as `ip link add … type KIND` names them; `lo` is there by itself. */
export const LINK_KINDS = [
  ...(['lo', 'dummy', 'ifb', 'veth'] as const),
  ...(['vlan', 'macvlan', 'ipvlan', 'bridge', 'bond', 'team', 'tap', 'vxlan'] as const),
] as const;
export type LinkKind = (typeof LINK_KINDS)[number];

/** As `ip link add … type vxlan df …` names them: include/uapi/linux/if_link.h, enum ifla_vxlan_df, in its order. */
export const OUTER_DF = ['unset', 'set', 'inherit'] as const;
export type OuterDf = (typeof OUTER_DF)[number];

/** How a team spreads packets over its ports: drivers/net/team/team_mode_*.c. */
export const TEAM_MODES = ['roundrobin', 'activebackup', 'broadcast'] as const;
export type TeamMode = (typeof TEAM_MODES)[number];

/** Root queueing disciplines a link can have; without one it has the kernel's default. */
export const QDISCS = ['fq', 'etf', 'pfifo'] as const;
export type Qdisc = (typeof QDISCS)[number];

/**
 * Time before a launch at which etf hands a packet to the device, in ms. What it comes to too late it drops: an emulated guest may
 * well sleep for tens of milliseconds.
 */
export const ETF_LEAD_MS = 400;

/** What a tap device's other side can say that it takes: TUN_F_CSUM, TUN_F_USO4, TUN_F_USO6. */
export const TAP_OFFLOADS = ['csum', 'uso4', 'uso6'] as const;
export type TapOffload = (typeof TAP_OFFLOADS)[number];

export interface Link {
  readonly name: string;
  /** `lo` exists in every namespace; all others are created in the order given. */
  readonly kind: LinkKind;
  /**
   * veth: the other end. Created together; the peer's own entry then only configures it. tap: what the agent carries
   * its frames to, as a NIC that segments and checksums them would.
   */
  readonly peer?: { readonly ns: string; readonly name: string };
  /** vlan, macvlan, ipvlan: the device they stand on, in the same namespace. */
  readonly lower?: string;
  /** The bond, team or bridge it belongs to, in the same namespace. */
  readonly master?: string;
  /** vxlan: address of the tunnel's other end, IPv4 or IPv6; its outer packets have checksums. */
  readonly remote?: string;
  /** vxlan: UDP port that its outer packets come from, or the next one; absent: any, by a hash of the inner ones. */
  readonly sourcePort?: number;
  /** vxlan: TTL or hop limit of its outer packets, 0..255, or that of the inner ones; 0 or absent: the default of the route. */
  readonly ttl?: number | 'inherit';
  /** vxlan: TOS or traffic class of its outer packets, without the bits of ECN, 0..252; absent: 0. */
  readonly tos?: number | 'inherit';
  /** vxlan: don't-fragment flag of its outer IPv4 packets; absent: clear. */
  readonly df?: OuterDf;
  /** vxlan: its outer packets have no checksum, and are taken without one. */
  readonly unchecked?: boolean;
  /** Hardware address; absent: the kernel's choice. Devices that are created only. */
  readonly mac?: string;
  /** vlan: its tag, 1..4094; vxlan: its network. */
  readonly id?: number;
  /** vlan: priorities 1..7 of packets are those of their tags (egress-qos-map 1:1 2:2 …); else all tags have 0. */
  readonly priorities?: boolean;
  /** bond, macvlan, ipvlan: the number of its mode, as include/uapi/linux/if_link.h and if_bonding.h have it. */
  readonly mode?: number;
  /** team: without one it drops everything. */
  readonly teamMode?: TeamMode;
  /** team in mode activebackup: the port by which all packets leave. */
  readonly activePort?: string;
  /** Longest GSO packet in bytes, and most segments of one: `ip link set … gso_max_size`. */
  readonly gsoMaxSize?: number;
  readonly gsoMaxSegs?: number;
  readonly qdisc?: Qdisc;
  /** In bytes. */
  readonly mtu?: number;
  readonly up: boolean;
  /** `address/prefix`; IPv6 ones are added without duplicate address detection. */
  readonly addresses: readonly string[];
  /** ethtool feature names with the wanted state, applied in this order. */
  readonly features: Readonly<Record<string, boolean>>;
  /** Static neighbours: address → MAC of a device (`ns/dev`) or a literal. */
  readonly neighbours?: Readonly<Record<string, string>>;
}

export interface Route {
  /** `address/prefix` */
  readonly to: string;
  readonly dev: string;
  /** Address of the next hop, of the same family; absent: the network is on the link. */
  readonly via?: string;
  /** RTAX_MTU in bytes. */
  readonly mtu?: number;
  /** In the local table as a local route (replaces the automatic one). */
  readonly local?: boolean;
  /** Number of the table it is in, 1..252; absent: the main one, or that of local routes. */
  readonly table?: number;
}

/** Packets of both families for which all that is given is so are routed by a table of their own: `ip rule add`. */
export interface Rule {
  /** SO_MARK, 1..2^31-1 */
  readonly mark?: number;
  /** TOS or traffic class without the bits of ECN, 4..28: IPv4 does not look at the upper three bits before 6.14 (FRA_DSCP). */
  readonly tos?: number;
  /** 1..252 */
  readonly table: number;
}
