/** One send with everything decided: where it goes, by what, and every header field that the socket and the call choose. */
import { PMTUDISC } from '../abi/flags.ts';
import type { Endpoint, Family, Message } from '../contract/program.ts';
import { readControl } from './control.ts';
import type { Network, Path } from './network.ts';
import { Refused, Underivable } from './signals.ts';
import { bytesOption, intOption } from './socket.ts';
import type { SocketState } from './socket.ts';

export interface Request {
  /** Name of the socket it is sent on. */
  readonly socket: string;
  /** Of the packet: IPv4 also for a v4-mapped address on an IPv6 socket. */
  readonly family: Family;
  readonly path: Path;
  readonly from: { readonly address: string; readonly port: number };
  readonly to: Endpoint;
  /** Segment size in bytes; 0: none. */
  readonly gso: number;
  /** A value of PMTUDISC. */
  readonly discovery: number;
  /** Bytes one packet may have, IP header included: cork->fragsize. */
  readonly fragsize: number;
  readonly ttl: number;
  readonly tos: number;
  /** IPv4 options, filled up to a multiple of 4 bytes. */
  readonly options: Buffer;
  /** IPv6 headers as given, whose first byte the kernel sets. */
  readonly hopByHop: Buffer;
  readonly destination: Buffer;
  /** UDP checksums are off. */
  readonly unchecked: boolean;
  readonly dontFragment: boolean;
  readonly lite: boolean;
}

const DEFAULT_TTL = 64;
const MAPPED = '::ffff:';
const ANY = new Set(['0.0.0.0', '::']);

/** By udp_sendmsg() and udpv6_sendmsg() up to where the packet is put together. @throws Refused, Underivable */
export function request(socket: SocketState, message: Message, network: Network): Request {
  const to = message.to ?? socket.peer;
  if (!to) throw new Refused('EDESTADDRREQ');
  const mapped = to.address.startsWith(MAPPED);
  const family: Family = socket.family === 'ipv4' || mapped ? 'ipv4' : 'ipv6';
  if (mapped && intOption(socket, 'IPV6_V6ONLY', 0) !== 0) throw new Refused('ENETUNREACH');
  const address = mapped ? to.address.slice(MAPPED.length) : to.address;
  if (address.includes('.') !== (family === 'ipv4'))
    throw new Underivable(`${to.address} on a socket of ${socket.family}`);
  if (to.port === 0) throw new Refused('EINVAL');
  const said = readControl(message.control, family);
  const path = network.path(socket.ns, family, address);
  if (!path) throw new Refused('ENETUNREACH');
  const { bound } = socket;
  const own = bound && !ANY.has(bound.address) ? bound.address.replace(MAPPED, '') : path.source;
  const discovery = intOption(socket, family === 'ipv4' ? 'IP_MTU_DISCOVER' : 'IPV6_MTU_DISCOVER', WANT);
  return {
    socket: socket.name,
    family,
    path,
    from: { address: own, port: bound?.port ?? 0 },
    to: { address, port: to.port },
    gso: said.gso ?? intOption(socket, 'UDP_SEGMENT', 0),
    discovery,
    fragsize: fragsize(socket, family, discovery, path),
    ...fields(socket, family, said),
    unchecked: isUnchecked(socket, family),
    dontFragment: family === 'ipv6' && intOption(socket, 'IPV6_DONTFRAG', 0) !== 0,
    lite: socket.protocol === 'udplite',
  };
}

/** Read when the datagram leaves, not when it is begun. */
export function isUnchecked(socket: SocketState, family: Family): boolean {
  return intOption(socket, family === 'ipv4' ? 'SO_NO_CHECK' : 'UDP_NO_CHECK6_TX', 0) !== 0;
}

const WANT = PMTUDISC['want'] ?? 1;
const PROBE = PMTUDISC['probe'] ?? 3;

/** ip_setup_cork(), ip6_setup_cork(): PROBE and what comes after it go by the device. IPV6_MTU can only lower it. */
function fragsize(socket: SocketState, family: Family, discovery: number, path: Path): number {
  const mtu = discovery >= PROBE ? path.deviceMtu : path.pathMtu;
  const own = family === 'ipv6' ? intOption(socket, 'IPV6_MTU', 0) : 0;
  return own > 0 && own < mtu ? own : mtu;
}

function fields(
  socket: SocketState,
  family: Family,
  said: ReturnType<typeof readControl>,
): Pick<Request, 'ttl' | 'tos' | 'options' | 'hopByHop' | 'destination'> {
  const none = Buffer.alloc(0);
  // Negative: the default (ip(7), ipv6(7)); the sysctls behind it are a network's own affair.
  const chosen = (value: number, otherwise: number): number => (value < 0 ? otherwise : value);
  if (family === 'ipv4')
    return {
      ttl: chosen(said.ttl ?? intOption(socket, 'IP_TTL', -1), DEFAULT_TTL),
      tos: (said.tos ?? intOption(socket, 'IP_TOS', 0)) & 255,
      options: ipOptions(said.options ?? bytesOption(socket, 'IP_OPTIONS')),
      hopByHop: none,
      destination: none,
    };
  return {
    ttl: chosen(said.ttl ?? intOption(socket, 'IPV6_UNICAST_HOPS', -1), DEFAULT_TTL),
    tos: chosen(said.tos ?? intOption(socket, 'IPV6_TCLASS', -1), 0),
    options: none,
    hopByHop: said.hopByHop ?? bytesOption(socket, 'IPV6_HOPOPTS'),
    destination: said.destination ?? bytesOption(socket, 'IPV6_DSTOPTS'),
  };
}

const NOP = 1;
const END = 0;

/** ip_options_get(): filled up with END. Those that hosts fill in or that change the destination have no rule here. */
function ipOptions(bytes: Buffer): Buffer {
  if (!bytes.every((byte) => byte === NOP || byte === END))
    throw new Underivable('IP options other than padding');
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
