/** Addresses, routes and neighbours over rtnetlink: include/uapi/linux/if_addr.h, rtnetlink.h, neighbour.h. */
import { parseAddress } from '../wire/address.ts';
import { attribute, nested, NLM_F } from './netlink-message.ts';
import { NetlinkError } from './netlink.ts';
import type { Netlink } from './netlink.ts';
import { AF } from './sys.ts';

const RTM = { NEWADDR: 20, NEWROUTE: 24, DELROUTE: 25, GETROUTE: 26, NEWNEIGH: 28 } as const;
const IFA = { ADDRESS: 1, LOCAL: 2, FLAGS: 8 } as const;
const IFA_F = { NODAD: 0x02, NOPREFIXROUTE: 0x200 } as const;
const RTA = { DST: 1, OIF: 4, GATEWAY: 5, METRICS: 8 } as const;
const RTAX_MTU = 2;
const TABLE = { MAIN: 254, LOCAL: 255 } as const;
const RTN = { UNICAST: 1, LOCAL: 2 } as const;
const SCOPE = { UNIVERSE: 0, LINK: 253, HOST: 254, NOWHERE: 255 } as const;
const RTPROT_STATIC = 4;
/** Deleting: whoever made it. */
const RTPROT_ANY = 0;
/** Of a route to be deleted that is not there. */
const NO_SUCH_ROUTE = 'ESRCH';
/** Of a lookup that finds none. */
const NO_ROUTE = 'ENETUNREACH';
/** Where rtm_type is in struct rtmsg. */
const RTM_TYPE = 7;
const NDA = { DST: 1, LLADDR: 2 } as const;
const NUD_PERMANENT = 0x80;

export interface Prefix {
  readonly address: Buffer;
  /** 0..32 or 0..128 */
  readonly length: number;
  readonly family: number;
}

/** `address/prefix`; without the prefix a single host. */
export function parsePrefix(text: string): Prefix {
  const [host = '', length] = text.split('/');
  const address = parseAddress(host);
  const bits = (address?.length ?? 0) * 8;
  const prefix = length === undefined ? bits : Number(length);
  if (!address || !Number.isInteger(prefix) || prefix < 0 || prefix > bits)
    throw new RangeError(`${text} is no address/prefix`);
  return { address, length: prefix, family: bits === 32 ? AF.INET : AF.INET6 };
}

/** Adds an address; usable at once (no duplicate address detection). */
export function addAddress(netlink: Netlink, index: number, device: string, text: string): void {
  const { address, length, family } = parsePrefix(text);
  const body = Buffer.alloc(8);
  body.writeUInt8(family, 0);
  body.writeUInt8(length, 1);
  body.writeUInt32LE(index, 4);
  const v6 = family === AF.INET6;
  // A host's own prefix route would be a second route beside the local one.
  const flags = v6 ? IFA_F.NODAD | (length === 128 ? IFA_F.NOPREFIXROUTE : 0) : 0;
  netlink.change({
    what: `cannot add ${text} to ${device}`,
    type: RTM.NEWADDR,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    body: [body, attribute(IFA.LOCAL, address), attribute(IFA.ADDRESS, address), attribute(IFA.FLAGS, flags)],
  });
}

export interface RouteRequest {
  /** `address/prefix` */
  readonly to: string;
  /** Index of the device. */
  readonly index: number;
  /** The next hop; absent: there is none. */
  readonly via?: string | undefined;
  /** RTAX_MTU in bytes. */
  readonly mtu?: number | undefined;
  readonly local?: boolean | undefined;
  /** Number of the table, at most 255. */
  readonly table?: number | undefined;
}

function routeBody(request: RouteRequest, scope: number, protocol: number): Buffer[] {
  const { address, length, family } = parsePrefix(request.to);
  const table = request.table ?? (request.local ? TABLE.LOCAL : TABLE.MAIN);
  const type = request.local ? RTN.LOCAL : RTN.UNICAST;
  const via = request.via === undefined ? [] : [attribute(RTA.GATEWAY, parsePrefix(request.via).address)];
  const mtu = request.mtu === undefined ? [] : [nested(RTA.METRICS, attribute(RTAX_MTU, request.mtu))];
  return [
    Buffer.from([family, length, 0, 0, table, protocol, scope, type, 0, 0, 0, 0]),
    attribute(RTA.DST, address),
    attribute(RTA.OIF, request.index),
    ...via,
    ...mtu,
  ];
}

/** Adds a route; a local one takes the place of the one that came with the address. */
export function addRoute(netlink: Netlink, request: RouteRequest): void {
  if (request.local) deleteRoute(netlink, { ...request, mtu: undefined }, NO_SUCH_ROUTE);
  const v6 = parsePrefix(request.to).family === AF.INET6;
  const far = v6 || request.via !== undefined;
  const scope = far ? SCOPE.UNIVERSE : request.local ? SCOPE.HOST : SCOPE.LINK;
  netlink.change({
    what: `cannot add route ${request.to}`,
    type: RTM.NEWROUTE,
    flags: NLM_F.CREATE | (request.local ? NLM_F.EXCL : NLM_F.REPLACE),
    body: routeBody(request, scope, RTPROT_STATIC),
  });
}

/** Removes a route. `harmless`: an errno by which nothing is amiss. */
export function deleteRoute(netlink: Netlink, request: RouteRequest, harmless?: string): void {
  const v6 = parsePrefix(request.to).family === AF.INET6;
  netlink.change({
    what: `cannot delete route ${request.to}`,
    type: RTM.DELROUTE,
    flags: 0,
    body: routeBody(request, v6 ? SCOPE.UNIVERSE : SCOPE.NOWHERE, RTPROT_ANY),
    harmless,
  });
}

/** Whether packets to an address (`address/prefix`) are delivered here, before there are rules of our own. */
export function isLocal(netlink: Netlink, text: string): boolean {
  const { address, family } = parsePrefix(text);
  const header = Buffer.from([family, address.length * 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  try {
    const reply = netlink.ask(`no route to ${text}`, RTM.GETROUTE, [header, attribute(RTA.DST, address)]);
    return reply[RTM_TYPE] === RTN.LOCAL;
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === NO_ROUTE) return false;
    throw error;
  }
}

/** A neighbour that needs no resolution. */
export function addNeighbour(netlink: Netlink, index: number, host: string, mac: Buffer): void {
  const { address, family } = parsePrefix(host);
  const body = Buffer.alloc(12);
  body.writeUInt8(family, 0);
  body.writeInt32LE(index, 4);
  body.writeUInt16LE(NUD_PERMANENT, 8);
  netlink.change({
    what: `cannot add neighbour ${host}`,
    type: RTM.NEWNEIGH,
    flags: NLM_F.CREATE | NLM_F.REPLACE,
    body: [body, attribute(NDA.DST, address), attribute(NDA.LLADDR, mac)],
  });
}
