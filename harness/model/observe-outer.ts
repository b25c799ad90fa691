/** What the headers around a packet in a tunnel say. */
import { formatEndpoint, parseAddress } from '../wire/address.ts';
import type { Ethernet, Layer } from '../wire/layers.ts';

export interface ObservedOuter {
  /** Addresses in the link header. */
  readonly link: string;
  readonly from: string;
  readonly to: string;
  readonly sourcePort: number;
  readonly ttl: number;
  readonly tos: number;
  /** IPv4 only. */
  readonly df?: boolean;
  readonly id?: number;
  /** IPv6 only. */
  readonly flowLabel?: number;
  readonly network: number;
}

const NOTHING: ObservedOuter = { link: '', from: '', to: '', sourcePort: 0, ttl: 0, tos: 0, network: 0 };

/** `layers`: up to that of the tunnel. */
export function observeOuter(layers: readonly Layer[]): ObservedOuter {
  return layers.reduce(add, NOTHING);
}

function add(seen: ObservedOuter, layer: Layer): ObservedOuter {
  if (layer.layer === 'ethernet') return { ...seen, link: linkText(layer) };
  if (layer.layer === 'ipv4') {
    const { source: from, destination: to, ttl, tos, df, id } = layer;
    return { ...seen, from, to, ttl, tos, df, id };
  }
  if (layer.layer === 'ipv6') {
    const { source: from, destination: to, hopLimit: ttl, trafficClass: tos, flowLabel } = layer;
    return { ...seen, from, to, ttl, tos, flowLabel };
  }
  if (layer.layer === 'udp') {
    const { sourcePort, destinationPort } = layer;
    return { ...seen, from: end(seen.from, sourcePort), to: end(seen.to, destinationPort), sourcePort };
  }
  return layer.layer === 'vxlan' ? { ...seen, network: layer.id ?? 0 } : seen;
}

function end(address: string, port: number): string {
  const bytes = parseAddress(address);
  return bytes ? formatEndpoint(bytes, port) : address;
}

/** `02:00:… to 02:00:…` */
export function linkText({ source, destination }: Pick<Ethernet, 'source' | 'destination'>): string {
  return `${source} to ${destination}`;
}
