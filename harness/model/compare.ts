/** Packets as the model has them beside packets as they were seen, both in one notation, field by field. */
import type { Packet } from '../contract/evidence.ts';
import type { ComparedField, ComparedPacket } from '../contract/result.ts';
import { formatAddress, formatEndpoint, parseAddress } from '../wire/address.ts';
import { showRuns, sameBytes } from '../judge/notation.ts';
import { OuterFirsts, expectedOuter, seenOuter } from './compare-outer.ts';
import { showLeaving } from './launch.ts';
import { extensionText, fragmentText, joined, observe } from './observe.ts';
import type { ModelPacket } from './packets.ts';

/** A packet's fields by name, in the order they are shown. */
type Fields = readonly (readonly [name: string, text: string])[];

/** A packet as it must be and as it was seen. Nearly all agree, and are never made into what is shown. */
interface Line {
  readonly index: number;
  readonly a: Fields | undefined;
  readonly b: Fields | undefined;
  readonly atMs: number | undefined;
}

/** Lines shown before the first difference and from it on. */
const BEFORE = 2;
const AFTER = 6;
const ANY_PORT = 'any';
/** As in the first packet of the datagram, whatever it is there. */
const FIRSTS = "the first's";
const LEAVES = 'leaves at';

/** What fields of packets that belong together are relative to. */
interface Firsts {
  /** First packet seen of each datagram, by its number. */
  readonly datagram: Map<number, { readonly id: number; readonly label: number; readonly link: string }>;
  /** The datagram seen last on each way, by socket and destination. */
  readonly last: Map<string, { readonly number: number; readonly id: number }>;
  /** Source port seen first of each socket. */
  readonly socket: Map<string, number>;
  readonly outer: OuterFirsts;
}

/** `slackMs`: how late the machine may be. Null: every packet is as it must be; else the lines about the first difference. */
export function differences(
  expected: readonly ModelPacket[],
  seen: readonly Packet[],
  slackMs = 0,
): ComparedPacket[] | null {
  const firsts: Firsts = {
    datagram: new Map(),
    last: new Map(),
    socket: new Map(),
    outer: new OuterFirsts(),
  };
  const lines: Line[] = [];
  let first = -1;
  for (let index = 0; index < Math.max(expected.length, seen.length); index++) {
    if (first >= 0 && index >= first + AFTER) break;
    const want = expected[index];
    const got = seen[index];
    const leaving = want?.leaves && showLeaving(want.leaves, got?.atMs, slackMs);
    const line: Line = {
      index,
      a: want && [...expectedFields(want), [LEAVES, leaving?.expected ?? '']],
      b: got && [...seenFields(got, want, firsts), [LEAVES, leaving?.actual ?? '']],
      atMs: got?.atMs,
    };
    if (first < 0 && !agree(line)) first = index;
    lines.push(line);
  }
  return first < 0 ? null : lines.slice(Math.max(0, first - BEFORE)).map(pair);
}

/** Those that are not as they must be. */
export function wrongFields({ fields }: ComparedPacket): ComparedField[] {
  return fields.filter(({ expected, actual }) => expected !== actual);
}

function agree({ a, b }: Line): boolean {
  return a !== undefined && b !== undefined && a.every(([, text], i) => text === b[i]?.[1]);
}

function pair({ index, a, b, atMs }: Line): ComparedPacket {
  const presence = a && b ? 'both' : a ? 'missing' : 'surplus';
  const fields = (a ?? b ?? [])
    .map(([name], i) => ({ name, expected: a?.[i]?.[1] ?? '', actual: b?.[i]?.[1] ?? '' }))
    .filter((field) => field.expected !== '' || field.actual !== '');
  return { index, presence, ...(atMs === undefined ? {} : { atMs }), fields };
}

function flag(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}

/** Names by family: the same places of the two headers. */
function names(family: Packet['family']): { ttl: string; tos: string } {
  return family === 'ipv4' ? { ttl: 'TTL', tos: 'TOS' } : { ttl: 'hop limit', tos: 'traffic class' };
}

function expectedFields(packet: ModelPacket): Fields {
  const { ttl, tos } = names(packet.family);
  const end = (packet.fragment?.offset ?? 0) > 0 ? bare : endpoint;
  return [
    ['from', end(packet.from.address, packet.from.port)],
    ['to', end(packet.to.address, packet.to.port)],
    ['bytes', showRuns(packet.payload)],
    ['IP length', String(packet.ipLength)],
    ['UDP length', String(packet.udpLength)],
    ['checksum', (packet.fragment?.offset ?? 0) > 0 ? 'fragment' : packet.checksum],
    ['gso', packet.gso === 'none' ? 'none' : `${packet.gso} ${packet.gsoSize}`],
    [ttl, String(packet.ttl)],
    [tos, flag(packet.tos)],
    ['DF', packet.df === undefined ? '' : packet.df ? 'set' : 'clear'],
    ['IP ID', packet.family === 'ipv4' || packet.fragment ? `first+${packet.idStep}` : ''],
    [
      'flow label',
      packet.family === 'ipv4' ? '' : packet.flowLabel === null ? FIRSTS : label(packet.flowLabel),
    ],
    ['IP options', packet.options],
    ['extension headers', packet.extensions.map(extensionText).join(' ')],
    ['link header', FIRSTS],
    ['VLAN', packet.vlan],
    ['fragment', packet.fragment ? fragmentText(packet.fragment) : ''],
    ...expectedOuter(packet),
    ['wrong', ''],
  ];
}

function bare(address: string): string {
  const bytes = parseAddress(address);
  return bytes ? formatAddress(bytes) : address;
}

function endpoint(address: string, port: number): string {
  const bytes = parseAddress(address);
  if (!bytes) return address;
  if (port !== 0) return formatEndpoint(bytes, port);
  return formatEndpoint(bytes, 0).replace(/0$/u, ANY_PORT);
}

function seenFields(packet: Packet, want: ModelPacket | undefined, firsts: Firsts): Fields {
  const { ttl, tos } = names(packet.family);
  const seen = observe(packet.head);
  const { link, options, extensions, flowLabel, vlan, fragment, wrong, outer } = seen;
  const ipId = packet.ipId ?? seen.fragmentId;
  const number = want?.datagram ?? -1;
  const first = firsts.datagram.get(number) ?? {
    id: (ipId ?? 0) - (want?.idStep ?? 0),
    label: flowLabel,
    link,
  };
  firsts.datagram.set(number, first);
  // Before 6.2 the kernel does not tell a capture the segment size (860b7f27b8f7).
  const gsoSize = packet.gsoSize === 0 && want ? want.gsoSize : packet.gsoSize;
  return [
    ['from', source(packet.from, want, firsts)],
    ['to', packet.to],
    // However they are cut into stretches.
    ['bytes', showRuns(want && sameBytes(packet.payload, want.payload) ? want.payload : packet.payload)],
    ['IP length', String(packet.ipLength)],
    ['UDP length', String(packet.udpLength)],
    ['checksum', packet.checksum],
    ['gso', packet.gso === 'none' ? 'none' : `${packet.gso} ${gsoSize}`],
    [ttl, String(packet.ttl)],
    [tos, flag(packet.tos)],
    ['DF', packet.df === undefined ? '' : packet.df ? 'set' : 'clear'],
    [
      'IP ID',
      ipId === undefined ? '' : (repeatedId(packet, want, firsts) ?? `first+${(ipId - first.id) & 0xffff}`),
    ],
    ['flow label', packet.family === 'ipv4' ? '' : seenLabel(flowLabel, want, first.label)],
    ['IP options', options],
    ['extension headers', extensions],
    ['link header', link === first.link ? FIRSTS : link],
    ['VLAN', vlan],
    ['fragment', fragment],
    ...seenOuter(packet, outer, want, firsts.outer),
    ['wrong', joined(wrong, unsaid(packet))],
  ];
}

function unsaid({ headerLength }: Packet): string {
  return headerLength === undefined ? '' : `hdr_len ${headerLength} leaves out headers`;
}

/**
 * RFC 6864: of what may still be cut into fragments the identification must not come again soon. Those of a datagram's segments
 * may, since one is reserved for a send (ip_select_ident()); that of the next datagram's first packet does not.
 */
function repeatedId({ ipId = 0 }: Packet, want: ModelPacket | undefined, { last }: Firsts): string | null {
  if (want?.idStep !== 0) return null;
  const way = `${want.socket} ${want.to.address}`;
  const before = last.get(way);
  last.set(way, { number: want.datagram, id: ipId });
  const repeated = want.df === false && before?.id === ipId && before.number !== want.datagram;
  return repeated ? "the last datagram's" : null;
}

function label(value: number): string {
  return value.toString(16);
}

/** One that the kernel chose is any, but the same for all packets of a datagram. */
function seenLabel(value: number, want: ModelPacket | undefined, first: number): string {
  return want?.flowLabel === null && value === first ? FIRSTS : label(value);
}

/** A port that the kernel chose is any one, but the same for all packets of a socket. */
function source(from: string, want: ModelPacket | undefined, { socket }: Firsts): string {
  if (!want || want.from.port !== 0 || (want.fragment?.offset ?? 0) > 0) return from;
  const port = Number(/:(\d+)$/u.exec(from)?.[1] ?? 0);
  const first = socket.get(want.socket) ?? port;
  socket.set(want.socket, first);
  return port === first && port !== 0 ? from.replace(/\d+$/u, ANY_PORT) : from;
}
