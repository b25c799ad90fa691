/** Links over rtnetlink: include/uapi/linux/if_link.h, rtnetlink.h. */
import { attribute, nested, NLM_F, parseAttributes } from './netlink-message.ts';
import type { Netlink } from './netlink.ts';

const RTM = { NEWLINK: 16, GETLINK: 18 } as const;
const IFLA = { ADDRESS: 1, IFNAME: 3, MTU: 4, LINKINFO: 18, NET_NS_FD: 28 } as const;
const IFLA_INFO = { KIND: 1, DATA: 2 } as const;
const VETH_INFO_PEER = 1;
const IFF_UP = 1;

export interface LinkInfo {
  readonly index: number;
  /** In bytes. */
  readonly mtu: number;
  readonly up: boolean;
  /** Hardware address, 6 bytes on Ethernet. */
  readonly mac: Buffer;
}

/** The other end of a veth pair: its name and the descriptor of its namespace, by default the same. */
export interface Peer {
  readonly name: string;
  readonly namespace?: number;
}

/** struct ifinfomsg */
function ifinfo(index: number, flags = 0, change = 0): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt32LE(flags, 8);
  bytes.writeUInt32LE(change, 12);
  return bytes;
}

/** Creates a link, down. `kind` as in `ip link add … type KIND`. */
export function createLink(netlink: Netlink, name: string, kind: string, peer?: Peer): void {
  const info = [attribute(IFLA_INFO.KIND, kind)];
  if (peer) {
    const namespace = peer.namespace === undefined ? [] : [attribute(IFLA.NET_NS_FD, peer.namespace)];
    const other = Buffer.concat([ifinfo(0), attribute(IFLA.IFNAME, peer.name), ...namespace]);
    info.push(nested(IFLA_INFO.DATA, attribute(VETH_INFO_PEER, other)));
  }
  netlink.request(`cannot create ${kind} ${name}`, RTM.NEWLINK, NLM_F.CREATE | NLM_F.EXCL, [
    ifinfo(0),
    attribute(IFLA.IFNAME, name),
    nested(IFLA.LINKINFO, ...info),
  ]);
}

/** Index, MTU, state and hardware address of a link. */
export function getLink(netlink: Netlink, name: string): LinkInfo {
  const [reply] = netlink.request(`cannot find device ${name}`, RTM.GETLINK, 0, [
    ifinfo(0),
    attribute(IFLA.IFNAME, name),
  ]);
  if (!reply) throw new Error(`the kernel said nothing about device ${name}`);
  const attributes = parseAttributes(reply.subarray(16));
  return {
    index: reply.readInt32LE(4),
    up: (reply.readUInt32LE(8) & IFF_UP) !== 0,
    mtu: attributes.get(IFLA.MTU)?.readUInt32LE(0) ?? 0,
    mac: attributes.get(IFLA.ADDRESS) ?? Buffer.alloc(6),
  };
}

/** Sets the MTU in bytes and the state of a link, whichever is given. */
export function setLink(
  netlink: Netlink,
  name: string,
  index: number,
  to: { mtu?: number; up?: boolean },
): void {
  const flags = to.up === undefined ? [0, 0] : [to.up ? IFF_UP : 0, IFF_UP];
  const mtu = to.mtu === undefined ? [] : [attribute(IFLA.MTU, to.mtu)];
  const words = [
    ...(to.mtu === undefined ? [] : [`mtu ${to.mtu}`]),
    ...(to.up === undefined ? [] : [to.up ? 'up' : 'down']),
  ];
  const what = `cannot set ${name} ${words.join(' ')}`;
  netlink.request(what, RTM.NEWLINK, 0, [ifinfo(index, flags[0], flags[1]), ...mtu]);
}
