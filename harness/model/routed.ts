/** What a send is routed by where there are policy rules: its own TOS and mark, or those of a connected socket's route. */
import type { Endpoint, Family, Message } from '../contract/program.ts';
import { levelNumber } from '../abi/levels.ts';
import type { Network } from './network.ts';
import type { Selector } from './policy.ts';
import { Underivable } from './signals.ts';
import { bytesOption, intOption, isMapped } from './socket.ts';
import type { SocketState } from './socket.ts';

const UDP = levelNumber('SOL_UDP');

/**
 * udp_sendmsg() looks a route up for what has an address, is not to be routed (ip_sendmsg_scope()) or has a control message of another
 * level than SOL_UDP; all else takes the route the socket has. On IPv6 whatever goes to the socket's peer takes it (ip6_sk_dst_check()). @throws Underivable where that
 * route may be gone: a mark set later takes it away only from 5.12 on (50254256f382), and a traffic class counts in some versions
 */
export function routedBy(
  socket: SocketState,
  { to, control }: Message,
  flags: readonly string[],
  family: Family,
  said: { readonly mark: number | undefined; readonly tos: number },
  network: Network,
): Selector {
  const { route, peer, ns, name } = socket;
  const bound = boundDevice(socket);
  const onLink = flags.includes('MSG_DONTROUTE') || staysOnLink(socket);
  if (!network.hasRules(ns)) return { mark: 0, tos: 0, bound, onLink };
  const mark = intOption(socket, 'SO_MARK', 0);
  const fresh = { mark: said.mark ?? mark, tos: said.tos, bound, onLink };
  const lookedUp =
    family === 'ipv4'
      ? to !== undefined || onLink || control.some(({ level }) => levelNumber(level) !== UDP)
      : to !== undefined && to.address !== peer?.address;
  if (lookedUp || !route) return fresh;
  if (route.mark !== mark || route.tos !== ownTos(socket, family))
    throw new Underivable(`mark or TOS of ${name} are not those it was connected with`);
  if (family === 'ipv6' && route.tos !== 0)
    throw new Underivable(`the traffic class of ${name} may have been left out when it was connected`);
  return { mark: route.mark, tos: route.tos, bound, onLink };
}

/** SOCK_LOCALROUTE */
function staysOnLink(socket: SocketState): boolean {
  return intOption(socket, 'SO_DONTROUTE', 0) !== 0;
}

function boundDevice(socket: SocketState): string {
  return bytesOption(socket, 'SO_BINDTODEVICE').toString('latin1').replace(/\0.*$/su, '');
}

function ownTos(socket: SocketState, family: Family): number {
  if (family === 'ipv4') return intOption(socket, 'IP_TOS', 0) & 255;
  return Math.max(0, intOption(socket, 'IPV6_TCLASS', 0));
}

/** What connect() decides for later sends: the route's selectors, and the source address of a socket without one. */
export function connectedRoute(
  socket: SocketState,
  to: Endpoint | null,
  network: Network,
): SocketState['route'] {
  if (!to || !network.hasRules(socket.ns)) return null;
  const family = socket.family === 'ipv4' || isMapped(to.address) ? 'ipv4' : 'ipv6';
  const tos = ownTos(socket, family);
  const mark = intOption(socket, 'SO_MARK', 0);
  try {
    const by = { mark, tos, bound: '', onLink: staysOnLink(socket) };
    const path = network.path(socket.ns, family, to.address.replace('::ffff:', ''), by);
    return { mark, tos, source: path?.source ?? null };
  } catch (signal) {
    if (!(signal instanceof Underivable)) throw signal;
    return { mark, tos, source: null };
  }
}
