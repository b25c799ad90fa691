/** Which decoder is for which next layer. */
import type { Cursor, Next } from './cursor.ts';
import { decodeIcmp } from './icmp.ts';
import { IPV6_EXTENSIONS, decodeExtension, decodeIpv4Layer, decodeIpv6Layer } from './ip-layers.ts';
import { decodeArp, decodeEthernet, decodeMpls, decodePppoe, decodeVlan } from './link-layers.ts';
import { decodeUdpLayer } from './udp-layers.ts';
import { decodeGre, decodeGue, decodeVxlanLike } from './tunnels.ts';

/** IANA's numbers: EtherTypes and IP protocols. */
const ETHERTYPE: Readonly<Record<number, Decoder>> = {
  0x0800: decodeIpv4Layer,
  0x0806: decodeArp,
  0x8100: decodeVlan,
  0x88a8: decodeVlan,
  0x86dd: decodeIpv6Layer,
  0x8847: decodeMpls,
  0x8848: decodeMpls,
  0x8864: decodePppoe,
  // Transparent Ethernet bridging: a whole frame, as GRE, Geneve and VXLAN carry it.
  0x6558: decodeEthernet,
};
const IP: Readonly<Record<number, Decoder>> = {
  1: decodeIcmp,
  4: decodeIpv4Layer,
  17: decodeUdpLayer,
  41: decodeIpv6Layer,
  47: decodeGre,
  58: decodeIcmp,
  136: decodeUdpLayer,
  137: decodeMpls,
};

type Decoder = (cursor: Cursor, next: Next) => Next | null;

/** Decodes one layer and says what follows; null at the end. */
export function decodeOther(cursor: Cursor, next: Next): Next | null {
  const { kind, value, at, end } = next;
  if (kind === 'link') return decodeEthernet(cursor, next);
  if (kind === 'udp-port') {
    const meaning = cursor.ports.get(value);
    if (meaning === 'vxlan' || meaning === 'geneve') return decodeVxlanLike(cursor, next, meaning);
    if (meaning === 'gue') return decodeGue(cursor, next);
    if (typeof meaning === 'object') {
      cursor.layers.push({ layer: 'fou', id: null, protocol: meaning.fou });
      return { kind: 'ip', value: meaning.fou, at, end };
    }
    return rest(cursor, 'UDP payload', next);
  }
  if (kind === 'ip' && IPV6_EXTENSIONS.has(value)) return decodeExtension(cursor, next);
  const decoder = kind === 'ethertype' ? ETHERTYPE[value] : kind === 'ip' ? IP[value] : undefined;
  if (decoder) return decoder(cursor, next);
  const name = kind === 'ethertype' ? `EtherType 0x${value.toString(16)}` : `IP protocol ${value}`;
  return rest(cursor, kind === 'payload' ? 'payload' : name, next);
}

function rest(cursor: Cursor, what: string, { kind, at, end }: Next): null {
  const layer = kind === 'udp-port' || kind === 'payload' ? 'payload' : 'opaque';
  cursor.layers.push({ layer, what, length: Math.max(0, end - at), at });
  return null;
}
