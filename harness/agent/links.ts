/** Links over rtnetlink: include/uapi/linux/if_link.h, rtnetlink.h. */
import { attribute, nested, NLM_F, parseAttributes } from './netlink-message.ts';
import type { Netlink } from './netlink.ts';
import { tunnelData } from './vxlan.ts';
import type { Tunnel } from './vxlan.ts';

const RTM = { NEWLINK: 16, GETLINK: 18 } as const;
const IFLA = {
  ...{ ADDRESS: 1, IFNAME: 3, MTU: 4, LINK: 5, QDISC: 6, MASTER: 10, LINKINFO: 18, NET_NS_FD: 28 },
  ...{ EXT_MASK: 29, GSO_MAX_SEGS: 40, GSO_MAX_SIZE: 41 },
} as const;
const IFLA_INFO = { KIND: 1, DATA: 2 } as const;
const VETH_INFO_PEER = 1;
/** By kind: attributes in IFLA_INFO_DATA, with their widths in bytes. */
const DATA: Readonly<Record<string, Readonly<Partial<Record<'id' | 'mode', readonly [number, 1 | 2 | 4]>>>>> =
  {
    vlan: { id: [1, 2] },
    macvlan: { mode: [1, 4] },
    ipvlan: { mode: [1, 2] },
    bond: { mode: [1, 1] },
    vxlan: { id: [1, 4] },
  };
const IFF_UP = 1;
/** It has a carrier: netif_oper_up(). */
const IFF_RUNNING = 0x40;

export interface LinkInfo {
  readonly index: number;
  /** In bytes. */
  readonly mtu: number;
  readonly up: boolean;
  /** Up, with a carrier where it can have one. */
  readonly running: boolean;
  /** Name of the root qdisc; `noop` before there is any. */
  readonly qdisc: string;
  /** Hardware address, 6 bytes on Ethernet. */
  readonly mac: Buffer;
}

/** The other end of a veth pair: its name and the descriptor of its namespace, by default the same. */
export interface Peer {
  readonly name: string;
  /** As that of a {@link NewLink}, which must have one too. */
  readonly index?: number | undefined;
  readonly namespace?: number | undefined;
}

/** struct ifinfomsg */
function ifinfo(index: number, flags = 0, change = 0): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt32LE(flags, 8);
  bytes.writeUInt32LE(change, 12);
  return bytes;
}

export interface NewLink {
  readonly name: string;
  /** As in `ip link add … type KIND`. */
  readonly kind: string;
  /** Its number; by default the kernel's choice. */
  readonly index?: number | undefined;
  readonly peer?: Peer | undefined;
  /** Index of the device it stands on. */
  readonly lower?: number | undefined;
  /** vxlan: what of {@link Link} is about its outer packets. */
  readonly tunnel?: Tunnel | undefined;
  /** Hardware address. */
  readonly mac?: string | undefined;
  readonly id?: number | undefined;
  readonly mode?: number | undefined;
  /** vlan: as in {@link Link}. */
  readonly priorities?: boolean | undefined;
}

/** Creates a link, down. */
export function createLink(netlink: Netlink, link: NewLink): void {
  const { name, kind, peer, lower } = link;
  const info = [attribute(IFLA_INFO.KIND, kind)];
  if (peer) {
    const namespace = peer.namespace === undefined ? [] : [attribute(IFLA.NET_NS_FD, peer.namespace)];
    const other = Buffer.concat([ifinfo(peer.index ?? 0), attribute(IFLA.IFNAME, peer.name), ...namespace]);
    info.push(nested(IFLA_INFO.DATA, attribute(VETH_INFO_PEER, other)));
  }
  const data = (['id', 'mode'] as const).flatMap((key) => {
    const [type, width] = DATA[kind]?.[key] ?? [];
    const value = link[key];
    if (value === undefined || type === undefined || width === undefined) return [];
    const bytes = Buffer.alloc(width);
    bytes.writeUIntLE(value, 0, width);
    return [attribute(type, bytes)];
  });
  if (link.priorities === true) data.push(samePriorities());
  if (link.tunnel) data.push(...tunnelData(link.tunnel));
  if (data.length > 0) info.push(nested(IFLA_INFO.DATA, ...data));
  netlink.change({
    what: `cannot create ${kind} ${name}`,
    type: RTM.NEWLINK,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    body: [
      ifinfo(link.index ?? 0),
      attribute(IFLA.IFNAME, name),
      ...(link.mac === undefined ? [] : [attribute(IFLA.ADDRESS, hardware(link.mac))]),
      ...(lower === undefined ? [] : [attribute(IFLA.LINK, lower)]),
      nested(IFLA.LINKINFO, ...info),
    ],
  });
}

const VLAN = { EGRESS_QOS: 3, QOS_MAPPING: 1 } as const;
/** A tag has three bits for it. */
const PRIORITIES = [1, 2, 3, 4, 5, 6, 7] as const;

/** Each is mapped to itself: struct ifla_vlan_qos_mapping. */
function samePriorities(): Buffer {
  const mappings = PRIORITIES.map((priority) => {
    const pair = Buffer.alloc(8);
    pair.writeUInt32LE(priority, 0);
    pair.writeUInt32LE(priority, 4);
    return attribute(VLAN.QOS_MAPPING, pair);
  });
  return nested(VLAN.EGRESS_QOS, ...mappings);
}

/** Of `02:00:…`. */
export function hardware(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

/** Makes a device part of a bond, team or bridge. The first two take only devices that are down. */
export function enslave(netlink: Netlink, name: string, index: number, master: number): void {
  netlink.change({
    what: `cannot add ${name} to its master`,
    type: RTM.NEWLINK,
    flags: 0,
    body: [ifinfo(index), attribute(IFLA.MASTER, master)],
  });
}

/** RTEXT_FILTER_SKIP_STATS: half of what the kernel says of a link are its counters. */
const NO_COUNTERS = 8;

/** The kernel names some fifty. */
const READ = [IFLA.QDISC, IFLA.MTU, IFLA.ADDRESS];

/** Index, MTU, state and hardware address of a link. */
export function getLink(netlink: Netlink, name: string): LinkInfo {
  const reply = netlink.ask(`cannot find device ${name}`, RTM.GETLINK, [
    ifinfo(0),
    attribute(IFLA.IFNAME, name),
    attribute(IFLA.EXT_MASK, NO_COUNTERS),
  ]);
  const attributes = parseAttributes(reply.subarray(16), READ);
  return {
    index: reply.readInt32LE(4),
    up: (reply.readUInt32LE(8) & IFF_UP) !== 0,
    running: (reply.readUInt32LE(8) & IFF_RUNNING) !== 0,
    qdisc: (attributes.get(IFLA.QDISC)?.toString('latin1') ?? '').replace(/\0.*$/su, ''),
    mtu: attributes.get(IFLA.MTU)?.readUInt32LE(0) ?? 0,
    mac: attributes.get(IFLA.ADDRESS) ?? Buffer.alloc(6),
  };
}

export interface LinkChange {
  /** In bytes. */
  readonly mtu?: number | undefined;
  readonly up?: boolean | undefined;
  readonly gsoMaxSize?: number | undefined;
  readonly gsoMaxSegs?: number | undefined;
}

/** What {@link setLink} does, as ip(8) writes it. */
export function changeWords({ mtu, up, gsoMaxSize, gsoMaxSegs }: LinkChange): string {
  return [
    ...(mtu === undefined ? [] : [`mtu ${mtu}`]),
    ...(gsoMaxSize === undefined ? [] : [`gso_max_size ${gsoMaxSize}`]),
    ...(gsoMaxSegs === undefined ? [] : [`gso_max_segs ${gsoMaxSegs}`]),
    ...(up === undefined ? [] : [up ? 'up' : 'down']),
  ].join(' ');
}

/** Sets what is given of a link. */
export function setLink(netlink: Netlink, name: string, index: number, to: LinkChange): void {
  const flags = to.up === undefined ? [0, 0] : [to.up ? IFF_UP : 0, IFF_UP];
  const attributes = [
    ...(to.mtu === undefined ? [] : [attribute(IFLA.MTU, to.mtu)]),
    ...(to.gsoMaxSize === undefined ? [] : [attribute(IFLA.GSO_MAX_SIZE, to.gsoMaxSize)]),
    ...(to.gsoMaxSegs === undefined ? [] : [attribute(IFLA.GSO_MAX_SEGS, to.gsoMaxSegs)]),
  ];
  netlink.change({
    what: `cannot set ${name} ${changeWords(to)}`,
    type: RTM.NEWLINK,
    flags: 0,
    body: [ifinfo(index, flags[0], flags[1]), ...attributes],
  });
}
