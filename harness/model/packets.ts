/** The packets one datagram becomes at the device it leaves by: whole, in segments, or an exact multiple and a tail. */
import { PMTUDISC } from '../abi/flags.ts';
import type { Slice } from '../contract/expectation.ts';
import type { Endpoint, Family } from '../contract/program.ts';
import { parseAddress } from '../wire/address.ts';
import { fragmentsOf } from './fragments.ts';
import type { Fragment } from './fragments.ts';
import type { Leaves } from './launch.ts';
import { IP_HEADER, UDP_HEADER, hasExtensions, networkHeader } from './limits.ts';
import type { Device } from './devices.ts';
import { cut, sum } from './payloads.ts';
import type { Request } from './request.ts';
import type { Rules } from './signals.ts';
import type { Outer } from './tunnels.ts';

/** A packet as a device must get it. Sizes in bytes. */
export interface ModelPacket {
  readonly family: Family;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly payload: readonly Slice[];
  readonly ipLength: number;
  readonly udpLength: number;
  readonly checksum: 'partial' | 'good' | 'zero';
  readonly gso: 'none' | 'udp-l4';
  /** 0 for a plain packet. */
  readonly gsoSize: number;
  readonly ttl: number;
  readonly tos: number;
  /** Of the buffer it is in: it shows in the tag that a VLAN device gives it. */
  readonly priority: number;
  /** IPv6; null: whatever the datagram's first packet has. */
  readonly flowLabel: number | null;
  /** IPv4 only. */
  readonly df?: boolean;
  /** IPv4 options as hex. */
  readonly options: string;
  /** Tags as observe.ts writes them; empty: none. */
  readonly vlan: string;
  /** IPv6 extension headers without their first byte, by header number, outermost first. */
  readonly extensions: readonly { readonly header: number; readonly body: string }[];
  /** Packets of one socket have the same number: one source port, also where the kernel chose it. */
  readonly socket: string;
  /** Packets of one datagram have the same number: one flow label, identifications in a row. */
  readonly datagram: number;
  /** IPv4 identification, relative to that of the datagram's first packet (inet_gso_segment()). */
  readonly idStep: number;
  /** Absent: it is no fragment. Later ones have no UDP header: a UDP length of 0, and no ports. */
  readonly fragment?: Fragment;
  /** Absent: nothing is to be said of its time. */
  readonly leaves?: Leaves;
  /** Absent: it is in no tunnel. */
  readonly outer?: Outer;
}

const DO = PMTUDISC['do'] ?? 2;
const PROBE = PMTUDISC['probe'] ?? 3;
const WANT = PMTUDISC['want'] ?? 1;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const DESTINATION = 60;
export const LINK_HEADER = 14;

/** A datagram that goes down. */
export interface Sent {
  readonly request: Request;
  readonly payload: readonly Slice[];
  /** As in {@link ModelPacket}. */
  readonly datagram: number;
  /** Neither MSG_MORE nor UDP_CORK was used: only then a plain datagram's checksum is left to the device (__ip_append_data()). */
  readonly inOneGo: boolean;
  readonly leaves?: Leaves | undefined;
}

/** As they leave by `device`. */
export function packetsOf(sent: Sent, device: Device, rules: Rules): ModelPacket[] {
  const { request, payload, inOneGo } = sent;
  const length = sum(payload);
  const { gso, unchecked } = request;
  const extended = hasExtensions(request);
  const segmented = gso > 0 && length > gso;
  const fits = networkHeader(request) + UDP_HEADER + length <= request.fragsize;
  // A partial checksum stays one only where the device takes it; skb_checksum_help() makes it otherwise.
  const left = device.checksums && !extended && (segmented || fits) && (gso > 0 || inOneGo);
  const checksum = unchecked ? 'zero' : left ? 'partial' : 'good';
  const packet = (from: number, to: number, gsoSize: number, idStep: number): ModelPacket =>
    header(sent, cut(payload, from, to), { checksum, gsoSize, idStep });
  if (!segmented && !fits) return fragmentsOf(packet(0, length, 0, 0), request);
  if (!segmented) return [packet(0, length, 0, 0)];
  const whole = device.whole && !extended && takes(device, request, length, rules);
  if (whole) return [packet(0, length, gso, 0)];
  if (device.partial) {
    // skb_segment(): as many full segments as there are in one packet that the device cuts, what is left as a plain one.
    const full = Math.floor(length / gso);
    const most = full * gso;
    const tail = most < length ? [packet(most, length, 0, full)] : [];
    return [packet(0, most, full > 1 ? gso : 0, 0), ...tail];
  }
  return Array.from({ length: Math.ceil(length / gso) }, (_, i) =>
    packet(i * gso, Math.min((i + 1) * gso, length), 0, i),
  );
}

/** gso_features_check(): from 24ab059d2ebd on packets beyond the device's gso_max_size are cut in software. `around`: bytes of a tunnel's headers. */
export function takes(device: Device, request: Request, length: number, rules: Rules, around = 0): boolean {
  if (Math.ceil(length / request.gso) > device.gsoMaxSegs) return false;
  const size = LINK_HEADER + networkHeader(request) + UDP_HEADER + length + around;
  return size < device.gsoMaxSize || !rules.has('gso-max-size-is-checked');
}

function header(
  { request, payload: all, datagram, leaves }: Sent,
  payload: readonly Slice[],
  more: Pick<ModelPacket, 'checksum' | 'gsoSize' | 'idStep'>,
): ModelPacket {
  const { family, socket, from, to, ttl, tos, priority, options, hopByHop, destination, flowLabel } = request;
  const length = sum(payload);
  const extensions = [
    { header: HOP_BY_HOP, bytes: hopByHop },
    { header: ROUTING, bytes: routingHeader(request) },
    { header: DESTINATION, bytes: destination },
  ].filter(({ bytes }) => bytes.length > 0);
  return {
    family,
    socket,
    from,
    to,
    payload,
    ipLength: networkHeader(request) + UDP_HEADER + length,
    udpLength: UDP_HEADER + length,
    gso: more.gsoSize > 0 ? 'udp-l4' : 'none',
    ttl,
    tos,
    priority,
    flowLabel,
    ...(family === 'ipv4' ? { df: dontFragment(request, sum(all)) } : {}),
    options: options.toString('hex'),
    vlan: '',
    extensions: extensions.map(({ header: number, bytes }) => ({
      header: number,
      body: bytes.toString('hex', 1),
    })),
    datagram,
    ...more,
    ...(leaves ? { leaves } : {}),
  };
}

/** ipv6_push_rthdr4(): the destination takes the place of the first segment. */
function routingHeader({ routing, to }: Request): Buffer {
  const final = parseAddress(to.address);
  if (routing.length === 0 || !final) return routing;
  return Buffer.concat([routing.subarray(0, 8), final, routing.subarray(24)]);
}

/** __ip_make_skb(): WANT asks whether the datagram as a whole fits the path, also where it is going to be segmented. */
function dontFragment({ discovery, path, options }: Request, payload: number): boolean {
  if (discovery === DO || discovery === PROBE) return true;
  const length = IP_HEADER.ipv4 + options.length + UDP_HEADER + payload;
  return discovery === WANT && path.locked !== true && length <= path.pathMtu;
}
