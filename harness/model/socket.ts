/** What a socket is set to, as far as it shapes what it sends: the successful calls on it, one after another. */
import { optionName, resolveOption } from '../abi/options.ts';
import type { Slice } from '../contract/expectation.ts';
import type { Action, Endpoint, Family, OptionValue } from '../contract/program.ts';
import { formatAddress } from '../wire/address.ts';
import type { Leaves } from './launch.ts';
import { Underivable } from './signals.ts';
import type { Request } from './request.ts';

/** A datagram put together by MSG_MORE or UDP_CORK: everything but the bytes is that of its first part. */
export interface Cork {
  readonly request: Request;
  readonly payload: Slice[];
}

/** Of datagrams that wait to be read. */
export interface Queued {
  readonly payload: readonly Slice[];
  /** Bytes of each but the last segment in it; 0: it is no aggregate. */
  readonly gsoSize: number;
  readonly from: string | null;
  readonly leaves?: Leaves;
}

export interface SocketState {
  readonly name: string;
  readonly ns: string;
  readonly family: Family;
  readonly protocol: 'udp' | 'udplite';
  /** Value of each option that was set, by name. */
  readonly options: Map<string, OptionValue>;
  /** sk_priority */
  priority: number;
  bound: Endpoint | null;
  peer: Endpoint | null;
  /** Where there are policy rules: what the route of a connected socket was chosen by, and the source address that came of it. */
  route: { readonly mark: number; readonly tos: number; readonly source: string | null } | null;
  cork: Cork | null;
  /** sk_err: its next call fails with that. */
  pending: string | null;
  readonly queue: Queued[];
  /** Groups it is a member of. */
  readonly groups: Set<string>;
  /** Why nothing can be said of what it sends or receives; empty: everything can. */
  sends: string;
  receives: string;
}

/** Options that change nothing about what leaves or arrives, or only what is told about it. */
const HARMLESS = new Set(
  (
    'SO_REUSEADDR SO_TYPE SO_RCVTIMEO SO_SNDTIMEO SO_RXQ_OVFL SO_RCVLOWAT IP_RECVTOS IP_RECVTTL IP_PKTINFO IP_RECVOPTS ' +
    'IPV6_RECVPKTINFO IPV6_RECVHOPLIMIT IPV6_RECVTCLASS IPV6_RECVHOPOPTS IPV6_RECVDSTOPTS UDP_NO_CHECK6_RX ' +
    'SO_ZEROCOPY SO_TIMESTAMPING SO_TIMESTAMPNS SO_RCVMARK SO_RCVPRIORITY'
  ).split(' '),
);
/** Options the model has rules for. */
const MODELLED = new Set(
  (
    'IP_RECVERR IPV6_RECVERR UDP_SEGMENT UDP_GRO UDP_CORK UDP_NO_CHECK6_TX SO_NO_CHECK IP_MTU_DISCOVER IP_TOS IP_TTL IP_OPTIONS IPV6_MTU_DISCOVER ' +
    'IPV6_MTU IPV6_DONTFRAG IPV6_UNICAST_HOPS IPV6_TCLASS IPV6_HOPOPTS IPV6_RTHDR IPV6_DSTOPTS IPV6_V6ONLY IPV6_AUTOFLOWLABEL SO_BINDTODEVICE SO_TXTIME SO_SNDBUF SO_MAX_PACING_RATE SO_PRIORITY SO_MARK SO_DONTROUTE ' +
    'IPV6_FLOWINFO_SEND SO_BROADCAST IP_MULTICAST_TTL IP_MULTICAST_LOOP IP_MULTICAST_ALL IPV6_MULTICAST_HOPS IPV6_MULTICAST_LOOP IPV6_MULTICAST_ALL'
  ).split(' '),
);
/** Options that only limit or change what a socket reads. */
const READING = new Set([
  'SO_RCVBUF',
  'SO_RCVBUFFORCE',
  'SO_PEEK_OFF',
  'SO_ATTACH_FILTER',
  'IP_MINTTL',
  'IPV6_RECVPATHMTU',
]);

/** The group comes first in struct ip_mreqn (ip_mreq) and ipv6_mreq: so many bytes. */
const MEMBERSHIP: Readonly<Record<string, number>> = {
  IP_ADD_MEMBERSHIP: 4,
  IP_DROP_MEMBERSHIP: 4,
  IPV6_ADD_MEMBERSHIP: 16,
  IPV6_DROP_MEMBERSHIP: 16,
};

function changeGroups({ groups }: SocketState, name: string, value: Buffer): void {
  const group = formatAddress(value.subarray(0, MEMBERSHIP[name]));
  if (name.includes('ADD')) groups.add(group);
  else groups.delete(group);
}

export function openSocket(action: Extract<Action, { do: 'open' }>): SocketState {
  const { socket, ns, family, protocol } = action;
  const fresh = {
    priority: 0,
    bound: null,
    peer: null,
    route: null,
    cork: null,
    pending: null,
    sends: '',
    receives: '',
  };
  return { name: socket, ns, family, protocol, options: new Map(), queue: [], groups: new Set(), ...fresh };
}

/** Takes over a setsockopt that succeeded. Releasing the cork is the walk's business. */
export function setOption(socket: SocketState, action: Extract<Action, { do: 'set' }>): void {
  const name = canonical(action.level, action.option);
  if (HARMLESS.has(name)) return;
  if (name in MEMBERSHIP && 'hex' in action.value) {
    changeGroups(socket, name, Buffer.from(action.value.hex, 'hex'));
    return;
  }
  setPriority(socket, name, action.value);
  if (READING.has(name)) socket.receives = `${name} was set on ${socket.name}`;
  else if (MODELLED.has(name)) socket.options.set(name, action.value);
  else socket.sends = `${name} was set on ${socket.name}, and there is no rule for it`;
}

/** __ip_sock_set_tos(): a TOS brings a priority with it, unless it is what there was. */
function setPriority(socket: SocketState, name: string, value: OptionValue): void {
  if (!('int' in value)) return;
  if (name === 'SO_PRIORITY') socket.priority = value.int;
  if (name === 'IP_TOS' && value.int !== intOption(socket, name, 0))
    socket.priority = priorityOfTos(value.int);
}

/** ip_tos2prio, by the bits of RFC 1349: best effort, bulk, interactive, and both. */
const TOS_PRIORITIES = [0, 2, 6, 4] as const;

/** The priority that IPv4 gives what is sent with a TOS: rt_tos2priority(). */
export function priorityOfTos(tos: number): number {
  return TOS_PRIORITIES[(tos >> 3) & 3] ?? 0;
}

/** The option's name also where it was given by number. */
function canonical(level: string, option: string): string {
  const resolved = resolveOption(level, option);
  return optionName(resolved.level, resolved.number);
}

/** Value of an int option, `otherwise` when it was never set. @throws Underivable for one set from other bytes */
export function intOption(socket: SocketState, name: string, otherwise: number): number {
  const value = socket.options.get(name);
  if (value === undefined) return otherwise;
  if ('int' in value) return value.int;
  // include/linux/sockptr.h: the kernel takes the first four bytes, native order.
  if ('hex' in value && value.hex.length >= 8) return Buffer.from(value.hex, 'hex').readInt32LE();
  throw new Underivable(`${name} was set from ${JSON.stringify(value)}`);
}

/** IP_RECVERR, IPV6_RECVERR */
export function asksForErrors(socket: SocketState): boolean {
  return ['IP_RECVERR', 'IPV6_RECVERR'].some((name) => intOption(socket, name, 0) !== 0);
}

/** Reading its error queue to the end takes an ICMP error from the socket too (sock_dequeue_err_skb()); there is none without asking. */
export function readErrors(socket: SocketState | undefined): void {
  if (socket && asksForErrors(socket)) socket.pending = null;
}

export function readOption(
  socket: SocketState | undefined,
  { level, option }: Extract<Action, { do: 'get' }>,
): void {
  if (socket && canonical(level, option) === 'SO_ERROR') socket.pending = null;
}

/** Bytes of an option such as IP_OPTIONS; empty when it was never set or taken back. */
export function bytesOption(socket: SocketState, name: string): Buffer {
  const value = socket.options.get(name);
  return value && 'hex' in value ? Buffer.from(value.hex, 'hex') : Buffer.alloc(0);
}

/** An IPv4 address as an IPv6 socket has it. */
export function isMapped(address: string): boolean {
  return address.startsWith('::ffff:');
}
