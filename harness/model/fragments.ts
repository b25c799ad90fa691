/**
 * The layout of IP fragments: what a datagram without segmentation that is larger than the path allows becomes. Both kernels'
 * ways agree on it: __ip_append_data() and ip_do_fragment(); of IPv6 the former's, as ip6_fragment() keeps what fits.
 */
import { UDP_HEADER, networkHeader } from './limits.ts';
import { inLaterFragments } from './options.ts';
import type { ModelPacket } from './packets.ts';
import { cut } from './payloads.ts';
import { firstHop } from './request.ts';
import type { Request } from './request.ts';

/** Where a fragment's bytes stand in what was cut, the UDP header included. In bytes. */
export interface Fragment {
  readonly offset: number;
  readonly more: boolean;
}

const FRAGMENT_HEADER = 8;
const FRAGMENT = 44;
const DESTINATION = 60;
/** Offsets count units of 8 bytes. */
const UNIT = ~7;

/** What stands before the bytes of a fragment. Sizes in bytes. */
interface Layout {
  /** IP header with all that each fragment has a copy of. */
  readonly header: number;
  readonly fragmentHeader: number;
  /** Extension headers that are cut with the datagram. */
  readonly carried: number;
  /** Bytes of all fragments but the last, and most bytes of that one. */
  readonly most: number;
  readonly last: number;
}

function layoutOf(request: Request): Layout {
  const { family, fragsize, routing, destination } = request;
  if (family === 'ipv4') {
    const header = networkHeader(request);
    const room = fragsize - header;
    // The last one may fill the path although its length is no multiple of 8.
    return { header, fragmentHeader: 0, carried: 0, most: room & UNIT, last: room };
  }
  // ip6_find_1stfragopt(): destination options are for the destination only where they stand behind a routing header; RFC 8200
  // would have it so always.
  const carried = routing.length > 0 ? destination.length : 0;
  const header = networkHeader(request) - carried;
  const room = fragsize - header - FRAGMENT_HEADER;
  // ip6_append_data() cuts as if each fragment had none of the destination options, so that ip6_fragment() cuts again.
  const again = destination.length > 0 && carried === 0;
  const most = room & UNIT;
  return { header, fragmentHeader: FRAGMENT_HEADER, carried, most, last: again ? room : most };
}

/** `whole`: the packet as it would be uncut. All have its header and one identification; a checksum is over all of them. */
export function fragmentsOf(whole: ModelPacket, request: Request): ModelPacket[] {
  const { header, fragmentHeader, carried, most, last } = layoutOf(request);
  const before = carried + UDP_HEADER;
  const total = carried + whole.udpLength;
  const list: ModelPacket[] = [];
  for (let offset = 0; offset < total;) {
    const left = total - offset;
    const length = left <= last ? left : most;
    const more = length < left;
    list.push({
      ...whole,
      ...(offset > 0 ? { to: onItsWay(whole, request) } : {}),
      payload: cut(whole.payload, Math.max(0, offset - before), offset + length - before),
      ipLength: header + fragmentHeader + length,
      udpLength: offset === 0 ? whole.udpLength : 0,
      options: offset === 0 ? whole.options : inLaterFragments(whole.options),
      extensions: whole.family === 'ipv4' ? [] : extensionsOf(whole, carried > 0, offset > 0),
      fragment: { offset, more },
    });
    offset += length;
  }
  return list;
}

/** A later fragment shows where it is going next, and no header that says what is behind. */
function onItsWay({ to }: ModelPacket, { routing }: Request): ModelPacket['to'] {
  return { ...to, address: firstHop(routing) ?? to.address };
}

/** The fragment header stands between what each fragment has and what is cut with the datagram. */
function extensionsOf(
  { extensions }: ModelPacket,
  carried: boolean,
  later: boolean,
): ModelPacket['extensions'] {
  const cutToo = carried ? extensions.filter(({ header }) => header === DESTINATION) : [];
  const copied = extensions.filter((extension) => !cutToo.includes(extension));
  return [...copied, { header: FRAGMENT, body: '' }, ...(later ? [] : cutToo)];
}
