/** What waits on each socket to be read. */
import type { Slice } from '../contract/expectation.ts';
import type { Action } from '../contract/program.ts';
import type { Departures } from './departures.ts';
import { join, joins } from './join.ts';
import { placeByTime } from './launch.ts';
import type { Leaves } from './launch.ts';
import type { Network } from './network.ts';
import type { ModelPacket, Sent } from './packets.ts';
import { cut } from './payloads.ts';
import type { Request } from './request.ts';
import type { Rules } from './signals.ts';
import { asksForErrors, intOption } from './socket.ts';
import type { Queued, SocketState } from './socket.ts';
import type { StepModel } from './walk.ts';

/** A datagram as recvmsg must bring it. Sizes in bytes. */
export interface ModelDatagram {
  /** The return value. */
  readonly length: number;
  readonly payload: readonly Slice[];
  /** Value of the UDP_GRO control message; null: there must be none. */
  readonly gro: number | null;
  /** Null: the port is any one the kernel chose, or the address is not known. */
  readonly from: string | null;
  /** When it leaves, and as far as one can tell arrives; absent: nothing is to be said of that. */
  readonly leaves?: Leaves;
}

const ANY = new Set(['0.0.0.0', '::']);
const MAPPED = '::ffff:';
/** net.core.rmem_default, less the room a buffer takes beside its bytes. */
const ROOM = 212_992;
const OVERHEAD = 1280;
/** CMSG_LEN(sizeof(int)) */
const CMSG_INT = 20;

export class Receivers {
  readonly #network: Network;
  readonly #rules: Rules;
  readonly #sockets: ReadonlyMap<string, SocketState>;
  readonly #departures: Departures;

  constructor(
    network: Network,
    sockets: ReadonlyMap<string, SocketState>,
    rules: Rules,
    departures: Departures,
  ) {
    this.#network = network;
    this.#departures = departures;
    this.#rules = rules;
    this.#sockets = sockets;
  }

  /** A datagram arrives wherever its destination is. `packets`: as they left. */
  arrive(sent: Sent, packets: readonly ModelPacket[], sender: SocketState): void {
    const { request } = sent;
    const { path, to, routing } = request;
    // A host forwards or takes such packets only where it was told to (ipv6_srh_rcv()).
    if (routing.length > 0) return;
    const peer = this.#network.peer(path.ns, path.dev);
    const ns = path.dev === 'lo' ? path.ns : peer?.ns;
    if (ns === undefined || !this.#network.owns(ns, to.address)) return;
    const takers = [...this.#sockets.values()].filter((socket) => takes(socket, ns, request));
    // sk_err is set for connected sockets, and for all that asked for it (__udp4_lib_err()).
    if (takers.length === 0 && (sender.peer !== null || asksForErrors(sender)))
      sender.sends = `nobody listens at ${to.address}: an ICMP error may wait on ${sender.name}`;
    if (takers.length > 1) for (const socket of takers) socket.receives = 'several sockets could take it';
    const [taker] = takers;
    if (taker && takers.length === 1) this.#deliver(taker, sent, packets, sender);
  }

  /** Of what goes to a group or everybody each socket that may have it gets its own. `own`: the host's copies. */
  arriveAtMany(
    sent: Sent,
    far: readonly ModelPacket[],
    own: readonly ModelPacket[],
    sender: SocketState,
  ): void {
    const { path } = sent.request;
    const there = this.#network.peer(path.ns, path.dev)?.ns;
    const places = [
      { ns: path.ns, packets: own },
      { ns: there, packets: far },
    ];
    for (const { ns, packets } of places) {
      if (ns === undefined || packets.length === 0) continue;
      for (const taker of this.#members(ns, sent.request)) this.#deliver(taker, sent, packets, sender);
    }
  }

  /** ip_check_mc_rcu(), ip_mc_sf_allow(): once the host has joined, also sockets that did not (IP_MULTICAST_ALL). */
  #members(ns: string, request: Request): SocketState[] {
    const { to, path, family } = request;
    const here = [...this.#sockets.values()].filter((socket) => socket.ns === ns);
    const joined = (socket: SocketState): boolean => path.cast === 'all' || socket.groups.has(to.address);
    if (!here.some(joined)) return [];
    const all = family === 'ipv4' ? 'IP_MULTICAST_ALL' : 'IPV6_MULTICAST_ALL';
    return here.filter(
      (socket) => takes(socket, ns, request) && (joined(socket) || intOption(socket, all, 1) !== 0),
    );
  }

  #deliver(
    taker: SocketState,
    { request, payload, leaves }: Sent,
    packets: readonly ModelPacket[],
    sender: SocketState,
  ): void {
    const { path, family } = request;
    // Decided on arrival: udp_unexpected_gso() looks whether the socket has UDP_GRO then.
    const gro = intOption(taker, 'UDP_GRO', 0) !== 0;
    const from = sender.bound && sender.bound.port !== 0 ? endpoint(request, taker, family) : null;
    const joined =
      gro && packets.length > 1 && !packets[0]?.fragment && joins(this.#network, path, this.#rules);
    const arrived = joined ? join(request, packets) : arrivals(request, payload, packets, gro);
    placeByTime(
      taker.queue,
      arrived.map((one) => ({ ...one, from, ...(leaves ? { leaves } : {}) })),
    );
    const filled = taker.queue.reduce((sum, one) => sum + bytes(one) + OVERHEAD, 0);
    if (filled > ROOM) taker.receives = 'more may have come than its receive buffer holds';
  }

  lose(why: string): void {
    for (const socket of this.#sockets.values()) socket.receives = why;
  }

  read(socket: SocketState | undefined, action: Extract<Action, { do: 'receive' }>): StepModel {
    if (!socket) return { kind: 'unknown', why: `${action.socket} could not be opened` };
    const { flags, buffer, control } = action;
    if (flags.includes('MSG_ERRQUEUE'))
      return { kind: 'unknown', why: 'there is no model of the error queue' };
    if (socket.pending !== null)
      socket.receives = `${socket.name} was told ${socket.pending}, by its next call`;
    socket.pending = null;
    if (socket.receives !== '') {
      this.#departures.waitedFor([]);
      return { kind: 'unknown', why: socket.receives };
    }
    const peeking = flags.includes('MSG_PEEK');
    this.#departures.waitedFor(peeking ? socket.queue.slice(0, 1) : socket.queue);
    // A peek shows the first datagram over and over.
    const waiting = peeking ? Array.from({ length: action.want }, () => socket.queue[0]) : [...socket.queue];
    if (!peeking) socket.queue.length = 0;
    // Without room for it the message is left out or cut (put_cmsg()).
    const gro = intOption(socket, 'UDP_GRO', 0) !== 0 && control >= CMSG_INT;
    const datagrams = waiting
      .filter((queued) => queued !== undefined)
      .map((queued): ModelDatagram => {
        const length = bytes(queued);
        return {
          length: flags.includes('MSG_TRUNC') ? length : Math.min(length, buffer),
          payload: cut(queued.payload, 0, buffer),
          // udp_cmsg_recv(): only while the socket has UDP_GRO, and only for what is an aggregate.
          gro: gro && queued.gsoSize > 0 ? queued.gsoSize : null,
          from: queued.from,
          ...(queued.leaves ? { leaves: queued.leaves } : {}),
        };
      });
    return { kind: 'datagrams', datagrams };
  }
}

function bytes({ payload }: Pick<Queued, 'payload'>): number {
  return payload.reduce((sum, { length }) => sum + length, 0);
}

/** udp_queue_rcv_skb(): a socket without UDP_GRO gets the segments of a packet that came whole. */
function arrivals(
  { gso }: Request,
  payload: readonly Slice[],
  packets: readonly ModelPacket[],
  gro: boolean,
): Pick<Queued, 'payload' | 'gsoSize'>[] {
  // IP puts fragments together again.
  if (packets[0]?.fragment) return [{ payload, gsoSize: 0 }];
  return packets.flatMap((packet) => {
    if (packet.gso === 'none') return [{ payload: packet.payload, gsoSize: 0 }];
    if (gro) return [{ payload: packet.payload, gsoSize: packet.gsoSize }];
    const length = bytes(packet);
    return Array.from({ length: Math.ceil(length / gso) }, (_, i) => ({
      payload: cut(packet.payload, i * gso, (i + 1) * gso),
      gsoSize: 0,
    }));
  });
}

/** Is a datagram for this socket? */
export function takes(
  socket: SocketState,
  ns: string,
  { to, from, family, lite }: Pick<Request, 'to' | 'from' | 'family' | 'lite'>,
): boolean {
  const { bound, peer } = socket;
  if (socket.ns !== ns || bound?.port !== to.port || (socket.protocol === 'udplite') !== lite) return false;
  const mapped = family === 'ipv4' && socket.family === 'ipv6';
  if (mapped && intOption(socket, 'IPV6_V6ONLY', 0) !== 0) return false;
  if (family === 'ipv6' && socket.family === 'ipv4') return false;
  const here = bound.address.replace(MAPPED, '');
  const reached = ANY.has(bound.address) || here === to.address;
  const meant =
    !peer || (peer.address.replace(MAPPED, '') === from.address && [0, peer.port].includes(from.port));
  return reached && meant;
}

function endpoint({ from }: Request, taker: SocketState, family: string): string {
  const address = family === 'ipv4' && taker.family === 'ipv6' ? `${MAPPED}${from.address}` : from.address;
  return address.includes(':') ? `[${address}]:${from.port}` : `${address}:${from.port}`;
}
