/** One send with everything decided: where it goes, by what, and every header field that the socket and the call choose. */
import { PMTUDISC } from '../abi/flags.ts';
import type { Endpoint, Family, Message } from '../contract/program.ts';
import { formatAddress } from '../wire/address.ts';
import { DEFAULT_TTL } from './limits.ts';
import { readControl } from './control.ts';
import type { Said } from './control.ts';
import type { Launch, LaunchOption } from './launch.ts';
import type { Network, Path } from './network.ts';
import { asSent } from './options.ts';
import { routedBy } from './routed.ts';
import { Refused, Underivable } from './signals.ts';
import type { Rules } from './signals.ts';
import { bytesOption, intOption } from './socket.ts';
import type { SocketState } from './socket.ts';

export interface Request {
  /** Name of the socket it is sent on. */
  readonly socket: string;
  /** Of the packet: IPv4 also for a v4-mapped address on an IPv6 socket. */
  readonly family: Family;
  readonly path: Path;
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** Segment size in bytes; 0: none. */
  readonly gso: number;
  /** A value of PMTUDISC. */
  readonly discovery: number;
  /** Bytes one packet may have, IP header included: cork->fragsize. */
  readonly fragsize: number;
  readonly ttl: number;
  /** The host has a copy for its own members, uncut. */
  readonly copies: boolean;
  readonly tos: number;
  /** SO_PRIORITY, or what IPv4 makes of a TOS. */
  readonly priority: number;
  /** IPv4 options as they are sent, filled up to a multiple of 4 bytes. */
  readonly options: Buffer;
  /** IPv6 headers as given, whose first byte the kernel sets. */
  readonly hopByHop: Buffer;
  /** A segment routing header (RFC 8754), whose first segment the kernel sets to the destination. */
  readonly routing: Buffer;
  readonly destination: Buffer;
  /** IPv6, 0..0xfffff; null: any, the same for all packets of a datagram (ip6_make_flowlabel()). */
  readonly flowLabel: number | null;
  /** UDP checksums are off. */
  readonly unchecked: boolean;
  /** Came with the send, so that what the socket has later does not count. */
  readonly ofSend: { readonly ttl: boolean; readonly tos: boolean };
  readonly dontFragment: boolean;
  readonly lite: boolean;
  readonly launch: Launch | null;
  /** SO_TXTIME; null: it was not set. */
  readonly launchOption: LaunchOption | null;
  /** SO_MAX_PACING_RATE in bytes per second; null: none was set. */
  readonly pacingRate: number | null;
  /** SO_SNDBUF was set, so that what waits on its way may be all it holds. */
  readonly smallBuffer: boolean;
}

const MAPPED = '::ffff:';
const ANY = new Set(['0.0.0.0', '::']);

/** By udp_sendmsg() and udpv6_sendmsg() up to where the packet is put together. @throws Refused, Underivable */
export function request(
  socket: SocketState,
  message: Message,
  flags: readonly string[],
  network: Network,
): Request {
  const to = message.to ?? socket.peer;
  if (!to) throw new Refused('EDESTADDRREQ');
  const mapped = to.address.startsWith(MAPPED);
  const family: Family = socket.family === 'ipv4' || mapped ? 'ipv4' : 'ipv6';
  if (mapped && intOption(socket, 'IPV6_V6ONLY', 0) !== 0) throw new Refused('ENETUNREACH');
  const address = mapped ? to.address.slice(MAPPED.length) : to.address;
  if (address.includes('.') !== (family === 'ipv4'))
    throw new Underivable(`${to.address} on a socket of ${socket.family}`);
  if (to.port === 0) throw new Refused('EINVAL');
  const launchOption = readLaunchOption(socket);
  const said = readControl(message.control, family, launchOption !== null);
  const headers = fields(socket, family, said, network.labels(socket.ns), message.to?.flowinfo);
  const by = routedBy(socket, message, flags, family, { mark: said.mark, tos: headers.tos }, network);
  const path = network.path(socket.ns, family, firstHop(headers.routing) ?? address, by);
  if (!path) throw new Refused('ENETUNREACH');
  checkDevice(socket, said, path, by.bound);
  if (path.cast === 'all' && intOption(socket, 'SO_BROADCAST', 0) === 0) throw new Refused('EACCES', true);
  const discovery = intOption(socket, family === 'ipv4' ? 'IP_MTU_DISCOVER' : 'IPV6_MTU_DISCOVER', WANT);
  const from = source(socket, said, path, network);
  return {
    socket: socket.name,
    family,
    path,
    from: { address: from, port: socket.bound?.port ?? 0 },
    to: { address, port: to.port },
    gso: said.gso ?? intOption(socket, 'UDP_SEGMENT', 0),
    discovery,
    fragsize: fragsize(socket, family, discovery, path),
    ...headers,
    options: asSent(headers.options, from),
    ttl: said.ttl !== undefined && said.ttl >= 0 ? said.ttl : ownTtl(socket, family, path),
    priority: said.priority ?? socket.priority,
    copies: path.cast === 'all' || (path.cast === 'group' && wantsCopies(socket, family)),
    unchecked: isUnchecked(socket, family),
    ofSend: { ttl: said.ttl !== undefined, tos: said.tos !== undefined },
    dontFragment: family === 'ipv6' && (said.dontFragment ?? intOption(socket, 'IPV6_DONTFRAG', 0) !== 0),
    lite: socket.protocol === 'udplite',
    launch: said.launch ?? null,
    launchOption,
    pacingRate: socket.options.has('SO_MAX_PACING_RATE') ? intOption(socket, 'SO_MAX_PACING_RATE', 0) : null,
    smallBuffer: socket.options.has('SO_SNDBUF'),
  };
}

/** include/uapi/linux/time.h */
const CLOCKS: Readonly<Record<number, LaunchOption['clock']>> = { 1: 'monotonic', 11: 'tai' };
const SOCK_TXTIME_DEADLINE = 1;

function readLaunchOption(socket: SocketState): LaunchOption | null {
  const bytes = bytesOption(socket, 'SO_TXTIME');
  if (bytes.length < 8) return null;
  const number = bytes.readInt32LE();
  return { clock: CLOCKS[number] ?? number, deadline: (bytes.readUInt32LE(4) & SOCK_TXTIME_DEADLINE) !== 0 };
}

function isUnchecked(socket: SocketState, family: Family): boolean {
  return intOption(socket, family === 'ipv4' ? 'SO_NO_CHECK' : 'UDP_NO_CHECK6_TX', 0) !== 0;
}

/**
 * What is read when the datagram leaves, not when it is begun: the socket's checksum option, and by __ip_make_skb() its TTL,
 * TOS and path MTU mode.
 */
export function leaving(socket: SocketState, begun: Request, rules: Rules): Request {
  const { family, ofSend } = begun;
  const unchecked = isUnchecked(socket, family);
  if (family === 'ipv6') return { ...begun, unchecked };
  const tos = intOption(socket, 'IP_TOS', 0) & 255;
  return {
    ...begun,
    unchecked,
    ttl: ofSend.ttl ? begun.ttl : ownTtl(socket, family, begun.path),
    tos: ofSend.tos || tos === begun.tos || rules.has('cork-keeps-tos') ? begun.tos : tos,
    discovery: intOption(socket, 'IP_MTU_DISCOVER', WANT),
  };
}

/** The socket's: of what is sent to groups another one, by default 1. */
function ownTtl(socket: SocketState, family: Family, { cast }: Path): number {
  const four = family === 'ipv4';
  if (cast === 'group') {
    const ttl = chosen(intOption(socket, four ? 'IP_MULTICAST_TTL' : 'IPV6_MULTICAST_HOPS', -1), 1);
    if (ttl === 0) throw new Underivable('a TTL of 0 keeps it on the host');
    return ttl;
  }
  return chosen(intOption(socket, four ? 'IP_TTL' : 'IPV6_UNICAST_HOPS', -1), DEFAULT_TTL);
}

function wantsCopies(socket: SocketState, family: Family): boolean {
  return intOption(socket, family === 'ipv4' ? 'IP_MULTICAST_LOOP' : 'IPV6_MULTICAST_LOOP', 1) !== 0;
}

/** Negative: the default (ip(7), ipv6(7)); the sysctls behind it are a network's own affair. */
function chosen(value: number, otherwise: number): number {
  return value < 0 ? otherwise : value;
}

const WANT = PMTUDISC['want'] ?? 1;
const PROBE = PMTUDISC['probe'] ?? 3;

/** ip_setup_cork(), ip6_setup_cork(): PROBE and what comes after it go by the device. IPV6_MTU can only lower it. */
function fragsize(socket: SocketState, family: Family, discovery: number, path: Path): number {
  const mtu = discovery >= PROBE ? path.deviceMtu : path.pathMtu;
  const own = family === 'ipv6' ? intOption(socket, 'IPV6_MTU', 0) : 0;
  return own > 0 && own < mtu ? own : mtu;
}

/** Index of lo in every network namespace. */
const LOOPBACK_INDEX = 1;

/** A device asked for, by IP_PKTINFO or SO_BINDTODEVICE, that is the route's own changes nothing. */
function checkDevice(socket: SocketState, said: Said, { dev }: Path, bound: string): void {
  if (bound !== '' && bound !== dev) throw new Underivable(`${socket.name} is bound to ${bound}`);
  const { ifindex = 0 } = said;
  if (ifindex !== 0 && (ifindex !== LOOPBACK_INDEX || dev !== 'lo'))
    throw new Underivable(`a control message names device number ${ifindex}`);
}

/** A control message's address counts before that of the socket; IPv4's also where it is 0.0.0.0 (ip_cmsg_send()). */
function source(socket: SocketState, said: Said, path: Path, network: Network): string {
  const { bound } = socket;
  const own = bound ? bound.address.replace(MAPPED, '') : '';
  const wanted = said.source === undefined || said.source === '::' ? own : said.source;
  if (wanted === '' || ANY.has(wanted)) return socket.route?.source ?? path.source;
  // __ip_dev_find() of ip_route_output_key_hash_rcu(), ipv6_chk_addr_and_flags() of ip6_datagram_send_ctl().
  if (said.source !== undefined && !network.isOwn(path.ns, wanted))
    throw new Refused(wanted.includes(':') ? 'EINVAL' : 'ENETUNREACH');
  return wanted;
}

const SEGMENT_ROUTING = 4;

/** fl6_update_dst(): segments are in reverse order, 8 bytes into the header; the one at segments_left is next. */
export function firstHop(routing: Buffer): string | null {
  if (routing.length === 0) return null;
  if (routing[2] !== SEGMENT_ROUTING)
    throw new Underivable(`there is no rule for routing header type ${String(routing[2])}`);
  const at = 8 + (routing[3] ?? 0) * 16;
  return formatAddress(routing.subarray(at, at + 16));
}

type Headers = Pick<Request, 'tos' | 'options' | 'hopByHop' | 'routing' | 'destination' | 'flowLabel'>;

const FLOW_LABEL = 0xfffff;

/** `flowinfo`: of the address, which counts on a socket that says so (IPV6_FLOWINFO_SEND); only its label does. `labels`: the kernel chooses those that nobody gave. */
function fields(socket: SocketState, family: Family, said: Said, labels: boolean, flowinfo = 0): Headers {
  const none = Buffer.alloc(0);
  if (family === 'ipv4')
    return {
      tos: (said.tos ?? intOption(socket, 'IP_TOS', 0)) & 255,
      options: said.options ?? bytesOption(socket, 'IP_OPTIONS'),
      hopByHop: none,
      routing: none,
      destination: none,
      flowLabel: null,
    };
  // One header in a control message, and the socket's own do not count (udpv6_sendmsg()).
  const own = (said.hopByHop ?? said.destination) ? () => none : (name: string) => bytesOption(socket, name);
  const label = !labels || intOption(socket, 'IPV6_AUTOFLOWLABEL', 1) === 0 ? 0 : null;
  const flow = intOption(socket, 'IPV6_FLOWINFO_SEND', 0) === 0 ? 0 : flowinfo & FLOW_LABEL;
  return {
    tos: chosen(said.tos ?? intOption(socket, 'IPV6_TCLASS', -1), 0),
    options: none,
    hopByHop: said.hopByHop ?? own('IPV6_HOPOPTS'),
    routing: own('IPV6_RTHDR'),
    destination: said.destination ?? own('IPV6_DSTOPTS'),
    // 0 in a control message is none, but takes the place of the address's.
    flowLabel: (said.flowLabel ?? flow) || label,
  };
}
