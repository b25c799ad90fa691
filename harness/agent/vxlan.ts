/** Tunnels of kind vxlan: their attributes (include/uapi/linux/if_link.h), and the same in the words of ip-link(8). */
import { OUTER_DF } from '../contract/topology.ts';
import type { Link } from '../contract/topology.ts';
import { parseAddress } from '../wire/address.ts';
import { VXLAN_PORT } from '../wire/tunnels.ts';
import { attribute } from './netlink-message.ts';

/** What is around the packets of a tunnel. */
export type Tunnel = Pick<Link, 'sourcePort' | 'ttl' | 'tos' | 'df' | 'unchecked'> & {
  readonly remote: string;
};

const IFLA_VXLAN = {
  ...{ GROUP: 2, TTL: 5, TOS: 6, PORT_RANGE: 10, PORT: 15, GROUP6: 16 },
  ...{ UDP_CSUM: 18, UDP_ZERO_CSUM6_TX: 19, UDP_ZERO_CSUM6_RX: 20, TTL_INHERIT: 28, DF: 29 },
} as const;
/** In place of a TOS. */
const TOS_INHERIT = 1;

/** Undefined: it is no tunnel. */
export function tunnelOf(link: Link): Tunnel | undefined {
  return link.remote === undefined ? undefined : { ...link, remote: link.remote };
}

/** @throws RangeError where the remote address is none */
export function tunnelData({ remote, sourcePort, ttl, tos, df, unchecked = false }: Tunnel): Buffer[] {
  const address = parseAddress(remote);
  if (!address) throw new RangeError(`${remote} is no address`);
  const port = Buffer.alloc(2);
  port.writeUInt16BE(VXLAN_PORT);
  const one = (type: number, value: number): Buffer => attribute(type, Buffer.of(value));
  return [
    attribute(address.length === 4 ? IFLA_VXLAN.GROUP : IFLA_VXLAN.GROUP6, address),
    attribute(IFLA_VXLAN.PORT, port),
    one(IFLA_VXLAN.UDP_CSUM, Number(!unchecked)),
    // Only of IPv6 has a receiver to be told that packets without a checksum are right (RFC 6936).
    ...(unchecked ? [one(IFLA_VXLAN.UDP_ZERO_CSUM6_TX, 1), one(IFLA_VXLAN.UDP_ZERO_CSUM6_RX, 1)] : []),
    ...(sourcePort === undefined ? [] : [attribute(IFLA_VXLAN.PORT_RANGE, range(sourcePort))]),
    ...(ttl === 'inherit' ? [attribute(IFLA_VXLAN.TTL_INHERIT, Buffer.alloc(0))] : []),
    ...(typeof ttl === 'number' ? [one(IFLA_VXLAN.TTL, ttl)] : []),
    ...(tos === undefined ? [] : [one(IFLA_VXLAN.TOS, tos === 'inherit' ? TOS_INHERIT : tos)]),
    ...(df === undefined ? [] : [one(IFLA_VXLAN.DF, OUTER_DF.indexOf(df))]),
  ];
}

/** struct ifla_vxlan_port_range: the first, and the one behind the last. */
function range(port: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16BE(port, 0);
  bytes.writeUInt16BE(port + 1, 2);
  return bytes;
}

/** `remote`: as it is to be written. ip(8) reads a TOS as hex (rtnl_dsfield_a2n()), whatever it begins with. */
export function tunnelWords({ remote, sourcePort, ttl, tos, df, unchecked = false }: Tunnel): string[] {
  return [
    ...['remote', remote, 'dstport', String(VXLAN_PORT)],
    ...(unchecked ? ['noudpcsum', 'udp6zerocsumtx', 'udp6zerocsumrx'] : ['udpcsum']),
    ...(sourcePort === undefined ? [] : ['srcport', String(sourcePort), String(sourcePort + 1)]),
    ...(ttl === undefined ? [] : ['ttl', String(ttl)]),
    ...(tos === undefined ? [] : ['tos', typeof tos === 'number' ? `0x${tos.toString(16)}` : tos]),
    ...(df === undefined ? [] : ['df', df]),
  ];
}
