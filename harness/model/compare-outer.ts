/** The headers around a packet in a tunnel, as they must be and as they were seen, in the notation of compare.ts. */
import type { Packet } from '../contract/evidence.ts';
import { formatEndpoint, parseAddress } from '../wire/address.ts';
import type { ObservedOuter } from './observe-outer.ts';
import type { ModelPacket } from './packets.ts';
import type { Outer } from './tunnels.ts';

type Field = readonly [name: string, text: string];

/** Lowest and highest port a kernel chooses from (net.ipv4.ip_local_port_range). */
const CHOSEN = { least: 32768, most: 60999 } as const;
const ANY_PORT = 'any';
const FIRSTS = "the first's";
const REPEATED = "the last packet's";

/** What fields of outer headers that belong together are relative to. */
export class OuterFirsts {
  /** By {@link Outer.whole}. */
  readonly #link = new Map<string, string>();
  readonly #id = new Map<string, number>();
  /** Source port of a flow, seen first. */
  readonly #port = new Map<string, number>();
  /** Identifications of what was handed to the tunnel last, by destination. */
  readonly #last = new Map<string, { whole: string; ids: Set<number> }>();

  link(whole: string, seen: string): string {
    return first(this.#link, whole, seen) === seen ? FIRSTS : seen;
  }

  /**
   * A hash decides; what is of one flow has one port. A range of two (ip-link(8): srcport MIN MAX) is the narrowest there is, of
   * which kernels before 7.3 never took the second (udp_flow_src_port()).
   */
  from(seen: ObservedOuter, want: ModelPacket): string {
    const { sourcePort: port } = seen;
    const { socket, from, to, flowLabel, outer } = want;
    const given = outer?.from.port ?? 0;
    const { least, most } = given === 0 ? CHOSEN : { least: given, most: given + 1 };
    const flow = [socket, from.address, to.address, to.port, flowLabel].join(' ');
    const right = port >= least && port <= most && first(this.#port, flow, port) === port;
    return right ? seen.from.replace(/\d+$/u, given === 0 ? ANY_PORT : String(given)) : seen.from;
  }

  /** RFC 6864: what may be cut on the way has an identification that does not come again soon. */
  id({ id = 0, to }: ObservedOuter, { whole, idStep, df }: Outer): string {
    const begun = first(this.#id, whole, id - idStep);
    const last = this.#last.get(to);
    const repeated = df !== true && last !== undefined && last.whole !== whole && last.ids.has(id);
    if (last?.whole === whole) last.ids.add(id);
    else this.#last.set(to, { whole, ids: new Set([id]) });
    return repeated ? REPEATED : `first+${(id - begun) & 0xffff}`;
  }
}

/** What came first, which this may be. */
function first<T>(map: Map<string, T>, key: string, value: T): T {
  if (!map.has(key)) map.set(key, value);
  return map.get(key) ?? value;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}

function flag(df: boolean | undefined): string {
  return df === undefined ? '' : df ? 'set' : 'clear';
}

function endpoint({ address, port }: Outer['from']): string {
  const bytes = parseAddress(address);
  if (!bytes) return address;
  return port === 0 ? formatEndpoint(bytes, 0).replace(/0$/u, ANY_PORT) : formatEndpoint(bytes, port);
}

/** Names in the order they are shown. */
const NAMES = [
  ...(['link header', 'from', 'to', 'IP length', 'UDP length', 'checksum'] as const),
  ...(['TTL', 'TOS', 'DF', 'IP ID', 'flow label'] as const),
];
const NETWORK = 'VXLAN network';

function fields(texts: readonly string[], network: string): Field[] {
  return [...NAMES.map((name, i): Field => [`outer ${name}`, texts[i] ?? '']), [NETWORK, network]];
}

export function expectedOuter({ outer }: ModelPacket): Field[] {
  if (!outer) return fields([], '');
  const { from, to, ipLength, udpLength, checksum, ttl, tos, df, idStep, family, network } = outer;
  const six = family === 'ipv6';
  const texts = [
    ...[FIRSTS, endpoint(from), endpoint(to), String(ipLength), String(udpLength), checksum],
    ...[String(ttl), hex(tos), flag(df), six ? '' : `first+${idStep}`, six ? '0' : ''],
  ];
  return fields(texts, String(network));
}

/** `outer`: absent where there is no tunnel. */
export function seenOuter(
  packet: Packet,
  outer: ObservedOuter | undefined,
  want: ModelPacket | undefined,
  firsts: OuterFirsts,
): Field[] {
  if (!outer) return fields([], '');
  const { outerIpLength, outerUdpLength, outerChecksum = '' } = packet;
  const { link, from, to, ttl, tos, df, id, flowLabel, network } = outer;
  const wanted = want?.outer;
  const texts = [
    ...[wanted ? firsts.link(wanted.whole, link) : link, want ? firsts.from(outer, want) : from, to],
    ...[String(outerIpLength ?? ''), String(outerUdpLength ?? ''), outerChecksum],
    ...[String(ttl), hex(tos), flag(df)],
    ...[id === undefined ? '' : wanted ? firsts.id(outer, wanted) : String(id)],
    ...[flowLabel === undefined ? '' : flowLabel.toString(16)],
  ];
  return fields(texts, String(network));
}
