/** What a VXLAN device puts around the packets handed to it: vxlan_xmit_one(), udp_tunnel_xmit_skb(), udp_tunnel6_xmit_skb(). */
import type { Endpoint, Family } from '../contract/program.ts';
import type { Link } from '../contract/topology.ts';
import { VXLAN_HEADER, VXLAN_PORT } from '../wire/tunnels.ts';
import { DEFAULT_TTL, IP_HEADER, UDP_HEADER } from './limits.ts';
import type { Device } from './devices.ts';
import type { Network, Path } from './network.ts';
import { LINK_HEADER, packetsOf, takes } from './packets.ts';
import type { ModelPacket, Sent } from './packets.ts';
import { sum } from './payloads.ts';
import { Underivable } from './signals.ts';
import type { Rules } from './signals.ts';

/** The headers around a packet in a tunnel. Sizes in bytes. */
export interface Outer {
  readonly family: Family;
  /** Or the port behind it. 0: by a hash of the inner packet, the same for all of a flow (udp_flow_src_port()). */
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly ipLength: number;
  readonly udpLength: number;
  readonly checksum: 'good' | 'partial' | 'zero';
  readonly ttl: number;
  readonly tos: number;
  /** IPv4 only. */
  readonly df?: boolean;
  /** Packets that were handed to the tunnel as one have the same text. */
  readonly whole: string;
  /** IPv4 identification, relative to that of the first of them. */
  readonly idStep: number;
  readonly network: number;
}

/** From the outer UDP header to the inner IP header. */
const BETWEEN = UDP_HEADER + VXLAN_HEADER + LINK_HEADER;
/** Its total length has 16 bits. */
const IP_LONGEST = 65535;
const ECN = 3;
const CONGESTED = 3;
const ECT_0 = 2;

/** Is `other`, beside the devices `beside`, the end that packets of `own` come out of? */
export function isFarEnd(own: Link | undefined, other: Link, beside: Iterable<Link>): boolean {
  if (own?.kind !== 'vxlan' || other.kind !== 'vxlan' || own.id !== other.id) return false;
  return [...beside].some(({ addresses }) =>
    addresses.some((address) => address.split('/')[0] === own.remote),
  );
}

/** The way of the outer packets. @throws Underivable */
export function outerPath(network: Network, ns: string, link: Link): Path {
  const { remote = '', name } = link;
  const family = remote.includes(':') ? 'ipv6' : 'ipv4';
  if (network.hasRules(ns)) throw new Underivable(`policy rules may route what ${name} sends`);
  const path = network.path(ns, family, remote, { mark: 0, tos: 0, bound: '' });
  const below = path && network.link(ns, path.dev);
  // Whether a device takes tunnelled packets whole, and their checksums, is another matter than its own features (hw_enc_features).
  if (!path || below?.kind !== 'veth' || below.qdisc !== undefined)
    throw new Underivable(`there is no rule for what is below ${name}`);
  return path;
}

/** `packets`: as the tunnel's device hands them on. @throws Underivable */
export function tunnelled(
  sent: Sent,
  packets: readonly ModelPacket[],
  link: Link,
  path: Path,
  { network, rules }: { readonly network: Network; readonly rules: Rules },
): ModelPacket[] {
  const below = network.device(path.ns, path.dev, rules);
  return packets.flatMap((packet, index) => {
    const whole = packet.gso === 'none' || takesWhole(sent, link, path, { network, rules });
    const segments = whole ? [packet] : packetsOf(sent, { ...below, whole: false }, rules);
    const name = `${sent.datagram}/${index}`;
    return segments.map((segment, idStep) =>
      encapsulated(segment, packet, below, { link, path, whole: name, idStep }),
    );
  });
}

/** net_gso_ok() looks for each type there is: the packet's own, and the tunnel's with or without checksums. */
function takesWhole(
  { request, payload }: Sent,
  link: Link,
  path: Path,
  { network, rules }: { readonly network: Network; readonly rules: Rules },
): boolean {
  const below = network.device(path.ns, path.dev, rules);
  const features: Readonly<Record<string, boolean | undefined>> =
    network.link(path.ns, path.dev)?.features ?? {};
  const name = link.unchecked === true ? 'tx-udp_tnl-segmentation' : 'tx-udp_tnl-csum-segmentation';
  const around = BETWEEN + IP_HEADER[familyOf(path)];
  return below.whole && (features[name] ?? true) && takes(below, request, sum(payload), rules, around);
}

function familyOf({ source }: Path): Family {
  return source.includes(':') ? 'ipv6' : 'ipv4';
}

/** `handed`: what the tunnel's device handed on, of which `inner` is a part or all. */
function encapsulated(
  inner: ModelPacket,
  handed: ModelPacket,
  below: Device,
  {
    link,
    path,
    whole,
    idStep,
  }: { readonly link: Link; readonly path: Path } & Pick<Outer, 'whole' | 'idStep'>,
): ModelPacket {
  const family = familyOf(path);
  const udpLength = BETWEEN + inner.ipLength;
  const ipLength = IP_HEADER[family] + udpLength;
  const longest = inner.gsoSize > 0 ? ipLength - sum(inner.payload) + inner.gsoSize : ipLength;
  if (ipLength > IP_LONGEST)
    throw new Underivable(`a packet in ${link.name} is longer than its lengths can say`);
  if (longest > path.pathMtu)
    throw new Underivable(`what ${link.name} sends is longer than ${path.dev} allows`);
  const checksum = inner.checksum === 'partial' && !below.checksums ? 'good' : inner.checksum;
  const outer: Outer = {
    family,
    from: { address: path.source, port: link.sourcePort ?? 0 },
    to: { address: link.remote ?? '', port: VXLAN_PORT },
    ipLength,
    udpLength,
    checksum: link.unchecked === true ? 'zero' : outerChecksum(inner, handed, below),
    ttl: ttlOf(link, inner),
    tos: tosOf(link, inner),
    ...(family === 'ipv4' ? { df: dontFragment(link, inner) } : {}),
    whole,
    idStep,
    network: link.id ?? 0,
  };
  return { ...inner, checksum, outer };
}

/**
 * udp_set_csum(), __skb_udp_tunnel_segment(): of what stays whole it is left to the device; a packet has room for one checksum to
 * be filled in, and where that is the inner one the outer is known without it (lco_csum()).
 */
function outerChecksum(inner: ModelPacket, handed: ModelPacket, below: Device): Outer['checksum'] {
  if (inner.gso !== 'none') return 'partial';
  const known = handed.checksum === 'partial' || handed.gso !== 'none';
  return known || !below.checksums ? 'good' : 'partial';
}

function ttlOf({ ttl = 0 }: Link, inner: ModelPacket): number {
  if (ttl === 'inherit') return inner.ttl;
  return ttl === 0 ? DEFAULT_TTL : ttl;
}

/** INET_ECN_encapsulate() (RFC 6040): ECN is that of the inner packet, but never that it met congestion. */
function tosOf({ tos = 0 }: Link, inner: ModelPacket): number {
  const ecn = inner.tos & ECN;
  return ((tos === 'inherit' ? inner.tos : tos) & ~ECN) | (ecn === CONGESTED ? ECT_0 : ecn);
}

/** Of IPv6 nobody on the way cuts a packet, which counts as if it had the flag. */
function dontFragment({ df }: Link, inner: ModelPacket): boolean {
  return df === 'set' || (df === 'inherit' && (inner.df ?? true));
}
