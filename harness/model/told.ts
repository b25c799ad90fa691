/** What an ICMP message that a packet was too big leads to, at the host and at the socket that sent it: udp_err(), udpv6_err(). */
import { PMTUDISC } from '../abi/flags.ts';
import type { Action, Family, MadePacket } from '../contract/program.ts';
import type { Network } from './network.ts';
import { takes } from './receivers.ts';
import { Refused, Underivable } from './signals.ts';
import { intOption } from './socket.ts';
import type { SocketState } from './socket.ts';

type TooBig = Extract<MadePacket, { kind: 'too-big' }>;

const DONT = PMTUDISC['dont'] ?? 0;
const WANT = PMTUDISC['want'] ?? 1;
const INTERFACE = PMTUDISC['interface'] ?? 4;

/** Empty: what came of it is known; else why it is not. */
export function tellTooBig(
  { ns, dev }: Extract<Action, { do: 'inject' }>,
  packet: TooBig,
  sockets: Iterable<SocketState>,
  network: Network,
): string {
  const there = dev === 'lo' ? ns : network.peer(ns, dev)?.ns;
  if (there === undefined || !network.owns(there, packet.to)) return '';
  try {
    tell(packet, there, [...sockets], network);
    return '';
  } catch (signal) {
    if (signal instanceof Underivable) return signal.message;
    throw signal;
  }
}

function tell({ about, mtu }: TooBig, ns: string, sockets: SocketState[], network: Network): void {
  const family = about.to.address.includes(':') ? 'ipv6' : 'ipv4';
  // It goes to whoever would get an answer to the datagram in question.
  const answer = { from: about.to, to: about.from, family, lite: false } as const;
  const [socket, ...others] = sockets.filter((one) => takes(one, ns, answer));
  if (others.length > 0) throw new Underivable('an ICMP message may be for several sockets');
  const mode = socket && modeOf(socket, family);
  // In 2026 udp_err_update_exception() and udpv6_err_update_exception() came, which tell the route before anybody looks for a
  // socket: in 7.3.4 and 6.12.117, not in 6.1.176 and 6.18.44. No record at hand names the commit.
  const believed = mode !== undefined && mode < INTERFACE;
  network.learn(ns, family, about.to.address, mtu, believed);
  if (socket && mode !== undefined && reports(socket, family, mode)) socket.pending = 'EMSGSIZE';
}

function modeOf(socket: SocketState, family: Family): number {
  return intOption(socket, family === 'ipv4' ? 'IP_MTU_DISCOVER' : 'IPV6_MTU_DISCOVER', WANT);
}

/** Is sk_err set? ip_sk_accept_pmtu() keeps the route from learning only, ip6_sk_accept_pmtu() ends it all. */
function reports(socket: SocketState, family: Family, mode: number): boolean {
  const connected = socket.peer !== null && mode !== DONT;
  if (family === 'ipv4') return mode !== DONT && (connected || intOption(socket, 'IP_RECVERR', 0) !== 0);
  return mode < INTERFACE && (connected || intOption(socket, 'IPV6_RECVERR', 0) !== 0);
}

/** sock_alloc_send_pskb(): the next send that gets as far as its buffer reports the error instead, once. @throws Refused, Underivable */
export function reportPending(socket: SocketState): void {
  const { pending } = socket;
  if (pending === null) return;
  // What is added to a packet that has room needs no buffer.
  if (socket.cork) throw new Underivable(`${pending} may wait on ${socket.name} until its next packet`);
  socket.pending = null;
  throw new Refused(pending);
}
