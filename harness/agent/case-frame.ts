/** What a case is told of a captured frame: where its payload comes from, and everything before the payload as it is. */
import type { CapturedFrame } from '../contract/evidence.ts';
import { decodeIp } from '../wire/frame.ts';
import { VXLAN_HEADER, VXLAN_PORT } from '../wire/tunnels.ts';
import { UDP_HEADER, UDP_PROTOCOL, decodePorts, decodeUdp } from '../wire/udp.ts';
import { readAuxdata, since } from './auxdata.ts';
import type { Stamp } from './auxdata.ts';
import { FOREIGN_CAPTURED } from './explain.ts';
import type { Cursor, Ledger } from './explain.ts';
import { SENTINEL_BYTES, isSentinel } from './sentinel.ts';
import type { IncomingMessage } from './sys.ts';

export interface Frame {
  /** Its buffers are used again for the next frame. */
  readonly message: IncomingMessage;
  /** Where the link header begins in them: behind the virtio-net header, or 0 where there is none. */
  readonly link: number;
  /** Where the frame ends in them. */
  readonly end: number;
  readonly outgoing: boolean;
}

/** Where the content of a UDP packet lies: behind the UDP header, or behind the IP header of a later fragment. */
interface Content {
  readonly from: number;
  readonly to: number;
  /** Of a later fragment -1. */
  readonly sourcePort: number;
  readonly destinationPort: number;
}

const ETHERNET = 14;
const IPV4 = { type: 0x0800, header: 20 } as const;
const IPV6 = { type: 0x86dd, header: 40 } as const;
/** Destination options that are cut with the datagram: later fragments name the first header of what was cut. */
const DESTINATION = 60;
/** Version 4, no options. */
const PLAIN_IPV4 = 0x45;
/** More fragments, and the fragment offset. */
const FRAGMENT = 0x3fff;

/** Filled in one by one: spreading costs as much as the rest. */
type Told = { -readonly [Key in keyof CapturedFrame]: CapturedFrame[Key] };

/** Undefined for a frame that is none of the case's: the UDP packets from or to `port`, also those in a VXLAN tunnel. */
export function caseFrame(
  frame: Frame,
  port: number,
  ledger: Ledger,
  cursor: Cursor,
  origin: Stamp | null,
): CapturedFrame | undefined {
  const { message, link, end } = frame;
  const { data } = message;
  const outer = plainContent(data, link, end) ?? content(data, link, end);
  const inner = outer && insideTunnel(outer, port);
  const found =
    inner === undefined ? outer : (plainContent(data, inner, outer?.to ?? end) ?? content(data, inner, end));
  if (!found) return undefined;
  const { from, to, sourcePort, destinationPort } = found;
  // Nobody else sends fragments here; later ones have no ports to tell them by.
  if (sourcePort >= 0 && sourcePort !== port && destinationPort !== port) return undefined;
  if (to - from === SENTINEL_BYTES && isSentinel(data.subarray(from, to))) return undefined;
  const { partialChecksum, tag, stamp } = readAuxdata(message);
  const next = ledger.next(data, from, to, cursor);
  const payload = next
    ? [{ ...next, length: to - from }]
    : ledger.explain(data.subarray(from, to), cursor, FOREIGN_CAPTURED);
  const kept = next || payload.every((run) => !('foreign' in run) || run.length <= FOREIGN_CAPTURED);
  const told: Told = {
    direction: frame.outgoing ? 'out' : 'in',
    head: data.toString('hex', 0, from),
    tag,
    payload,
  };
  if (link === 0) told.plain = { partialChecksum };
  if (!kept) told.checksum = checksumOf(data.subarray(inner ?? link, end), partialChecksum);
  if (stamp && origin) told.atMs = since(stamp, origin);
  return told;
}

/** Where the frame in a VXLAN packet begins, unless such packets are what is looked for. */
function insideTunnel({ from, to, destinationPort }: Content, port: number): number | undefined {
  const inner = from + VXLAN_HEADER;
  return destinationPort === VXLAN_PORT && port !== VXLAN_PORT && inner <= to ? inner : undefined;
}

function checksumOf(frame: Buffer, partialChecksum: boolean): NonNullable<CapturedFrame['checksum']> {
  const ip = decodeIp(frame);
  return (ip && decodeUdp(ip, partialChecksum)?.checksum) ?? 'fragment';
}

/**
 * Of a UDP packet without VLAN tag, options, extension headers or fragments, and whole: nearly all are, and decoding costs an
 * emulated guest three times as much. Undefined: {@link content} knows more.
 */
function plainContent(data: Buffer, link: number, end: number): Content | undefined {
  const ip = link + ETHERNET;
  if (end < ip + IPV4.header + UDP_HEADER) return undefined;
  const type = word(data, ip - 2);
  let udp: number;
  let to: number;
  if (type === IPV4.type) {
    if (data[ip] !== PLAIN_IPV4 || data[ip + 9] !== UDP_PROTOCOL || (word(data, ip + 6) & FRAGMENT) !== 0)
      return undefined;
    udp = ip + IPV4.header;
    to = ip + word(data, ip + 2);
  } else if (type === IPV6.type) {
    if (data[ip + 6] !== UDP_PROTOCOL || (data[ip] ?? 0) >> 4 !== 6) return undefined;
    udp = ip + IPV6.header;
    to = udp + word(data, ip + 4);
  } else return undefined;
  const from = udp + UDP_HEADER;
  if (to < from || to > end) return undefined;
  return { from, to, sourcePort: word(data, udp), destinationPort: word(data, udp + 2) };
}

function content(data: Buffer, link: number, end: number): Content | undefined {
  const ip = decodeIp(data.subarray(link, end));
  if (!ip || (ip.protocol !== UDP_PROTOCOL && !(ip.laterFragment && ip.protocol === DESTINATION)))
    return undefined;
  const ports = ip.laterFragment ? [-1, -1] : decodePorts(ip);
  if (!ports) return undefined;
  const at = ip.bytes.byteOffset - data.byteOffset;
  return {
    from: at + ip.payloadAt + (ip.laterFragment ? 0 : UDP_HEADER),
    to: at + ip.bytes.length,
    sourcePort: ports[0] ?? -1,
    destinationPort: ports[1] ?? -1,
  };
}

/** Two bytes in network order. */
function word(data: Buffer, at: number): number {
  return ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);
}
