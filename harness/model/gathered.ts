/** A datagram as far as it is put together: begun by this send, or by one before it. */
import type { Slice } from '../contract/expectation.ts';
import type { Message } from '../contract/program.ts';
import type { Network } from './network.ts';
import { sum } from './payloads.ts';
import { request } from './request.ts';
import { Refused } from './signals.ts';
import { intOption, isMapped } from './socket.ts';
import type { Cork, SocketState } from './socket.ts';

const MOST_IPV4 = 65535;

/** `slices`: what this send adds. @throws Refused, Underivable */
export function gathered(
  socket: SocketState,
  message: Message,
  flags: readonly string[],
  slices: readonly Slice[],
  network: Network,
): Cork {
  const { cork } = socket;
  const ipv4 = (cork?.request.family ?? familyOf(socket, message)) === 'ipv4';
  // udp_sendmsg() looks at these two before anything else; udpv6_sendmsg() has neither.
  if (ipv4 && sum(slices) > MOST_IPV4) throw new Refused('EMSGSIZE', true);
  if (ipv4 && flags.includes('MSG_OOB')) throw new Refused('EOPNOTSUPP', true);
  // udp_sendmsg() adds nothing to IPv6 data; the other way round udpv6_sendmsg() hands on what IPv4 began.
  if (cork?.request.family === 'ipv6' && message.to && isMapped(message.to.address))
    throw new Refused(intOption(socket, 'IPV6_V6ONLY', 0) === 0 ? 'EINVAL' : 'ENETUNREACH', true);
  return cork
    ? { request: cork.request, payload: [...cork.payload, ...slices] }
    : { request: request(socket, message, flags, network), payload: [...slices] };
}

function familyOf(socket: SocketState, message: Message): 'ipv4' | 'ipv6' {
  const to = message.to ?? socket.peer;
  return socket.family === 'ipv4' || (to !== null && isMapped(to.address)) ? 'ipv4' : 'ipv6';
}
