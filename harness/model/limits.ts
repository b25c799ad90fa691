/** Which sends are refused, with which errno, in the kernel's order of checks. Sizes in bytes. */
import { PMTUDISC } from '../abi/flags.ts';
import type { Message } from '../contract/program.ts';
import type { Request } from './request.ts';
import { Refused, Underivable } from './signals.ts';
import type { Rules } from './signals.ts';

export const UDP_HEADER = 8;
/** Of a route without one of its own (net.ipv4.ip_default_ttl, net.ipv6.conf.*.hop_limit). */
export const DEFAULT_TTL = 64;
/** ESP with an outer IPv6 header, padding and the longest integrity check leave no more of a packet to others. */
const ESP_ROOM = 128;
export const IP_HEADER = { ipv4: 20, ipv6: 40 } as const;
/** IPv4's total length; IPv6's payload length does not count its own header. */
const MOST = { ipv4: 65535, ipv6: 65535 + 40 } as const;
const WANT = PMTUDISC['want'] ?? 1;
const DO = PMTUDISC['do'] ?? 2;
const PROBE = PMTUDISC['probe'] ?? 3;
const OMIT = PMTUDISC['omit'] ?? 5;

/** Flags that change nothing about what is sent, or that there are rules for. UDP never looks at MSG_EOR. */
const PLAIN_FLAGS = new Set(
  'MSG_MORE MSG_DONTWAIT MSG_NOSIGNAL MSG_CONFIRM MSG_OOB MSG_ZEROCOPY MSG_DONTROUTE MSG_EOR'.split(' '),
);
/** One less than MAX_SKB_FRAGS by default: a piece may lie on two pages. */
const MOST_PIECES = 16;

/** Are there rules for a send like this? */
export function checkKnown({ iov, overwrite }: Message, flags: readonly string[]): void {
  const odd = flags.find((flag) => !PLAIN_FLAGS.has(flag));
  if (odd !== undefined) throw new Underivable(`there is no rule for ${odd}`);
  if (overwrite !== undefined) throw new Underivable('its bytes are changed after the call');
  if (flags.includes('MSG_ZEROCOPY') && iov.filter((length) => length > 0).length > MOST_PIECES)
    throw new Underivable('what is not copied may have too many pieces for a packet');
}

/** IP header with options or extension headers. */
export function networkHeader({ family, options, hopByHop, routing, destination }: Request): number {
  return IP_HEADER[family] + options.length + hopByHop.length + routing.length + destination.length;
}

/**
 * Can a datagram of `payload` bytes be put together? By __ip_append_data() and __ip6_append_data(); for a corked one with
 * all bytes so far.
 */
export function checkFits(request: Request, payload: number): void {
  const { family, gso, discovery, fragsize, destination, dontFragment } = request;
  checkDoubt(request, payload);
  const header = networkHeader(request);
  // ip6_append_data() adds destination options to the length although the header already counts them.
  const length = UDP_HEADER + payload + destination.length;
  const mtu = gso > 0 ? MOST[family] : fragsize;
  const mayFragment = discovery < DO || discovery === OMIT;
  const most = mayFragment ? MOST[family] : mtu;
  if (length > most - header) throw new Refused('EMSGSIZE');
  if (dontFragment && length > mtu - header) throw new Refused('EMSGSIZE');
}

/** The bytes are looked at last, and those of an iovec of no length not at all. `last`: what brings the last of them. */
export function checkReadable(last: Message): void {
  if (last.unreadable !== undefined && (last.iov[last.unreadable] ?? 0) > 0) throw new Refused('EFAULT');
}

/** Is it the same for a datagram whether the host learned a path MTU or not? @throws Underivable */
function checkDoubt(request: Request, payload: number): void {
  const { family, gso, discovery, path } = request;
  const { doubt, pathMtu, locked = false } = path;
  if (!doubt || discovery >= PROBE) return;
  const header = networkHeader(request) + UDP_HEADER;
  const between = (length: number): boolean => length > doubt.mtu && length <= pathMtu;
  const sent = gso > 0 ? between(header + gso) || between(header + payload) : header + payload > doubt.mtu;
  const flagged =
    family === 'ipv4' && discovery === WANT && (between(header + payload) || doubt.locked !== locked);
  if (sent || flagged) throw new Underivable('kernels differ in whether the route learned a path MTU');
}

/** udp_send_skb(), udp_v6_send_skb(): what is asked of a send with a segment size. `checksums`: by the device. */
export function checkSegments(request: Request, payload: number, checksums: boolean, rules: Rules): void {
  const { gso, family, fragsize, unchecked, lite } = request;
  const header = networkHeader(request) + UDP_HEADER;
  const longest = header + (gso > 0 ? Math.min(payload, gso) : payload);
  if (request.path.transformed && longest > fragsize - ESP_ROOM && longest <= fragsize)
    throw new Underivable('IPsec takes room that depends on its ciphers');
  if (gso === 0) return;
  const segment = rules.has('small-send-ignores-gso-size') ? Math.min(payload, gso) : gso;
  if (header + segment > fragsize)
    throw new Refused(rules.has('oversized-gso-is-emsgsize') ? 'EMSGSIZE' : 'EINVAL');
  const payloadOnly = rules.has(
    family === 'ipv4' ? 'segment-cap-counts-payload' : 'segment-cap-counts-payload-ipv6',
  );
  if (payload + (payloadOnly ? 0 : header) > gso * rules.maxSegments) throw new Refused('EINVAL');
  if (unchecked) throw new Refused('EINVAL');
  if (lite || request.path.transformed) throw new Refused('EIO');
  // Before 10154dbded6d a packet whose checksum was not left to the device was refused.
  if (!checksums && !rules.has('sends-without-checksum-offload')) throw new Refused('EIO');
  if (hasExtensions(request) && !rules.has('gso-with-ipv6-extension-headers')) throw new Refused('EIO');
  if (payload <= gso && !rules.has('gso-of-one-segment-is-plain'))
    throw new Underivable('GSO of one segment');
}

/** Does a segment no longer fit the device it leaves by? Each is cut into IP fragments then (ip_finish_output_gso()). */
export function exceeds(request: Request, payload: number, mtu: number): boolean {
  const { gso } = request;
  return gso > 0 && payload > gso && networkHeader(request) + UDP_HEADER + gso > mtu;
}

/** __ip6_append_data() leaves no checksum to the device when there is anything between the IPv6 header and UDP. */
export function hasExtensions({ hopByHop, routing, destination }: Request): boolean {
  return hopByHop.length + routing.length + destination.length > 0;
}
