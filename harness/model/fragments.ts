/**
 * The layout of IP fragments: what a datagram without segmentation that is larger than the path allows becomes. Both kernels'
 * ways agree on it: __ip_append_data() and ip_do_fragment(); of IPv6 the former's, as ip6_fragment() keeps what fits.
 */
import { UDP_HEADER, networkHeader } from './limits.ts';
import type { ModelPacket } from './packets.ts';
import { cut } from './payloads.ts';
import type { Request } from './request.ts';

/** Where a fragment's bytes stand in what was cut, the UDP header included. In bytes. */
export interface Fragment {
  readonly offset: number;
  readonly more: boolean;
}

const FRAGMENT_HEADER = 8;
/** Offsets count units of 8 bytes. */
const UNIT = ~7;

/** `whole`: the packet as it would be uncut. All have its header and one identification; a checksum is over all of them. */
export function fragmentsOf(whole: ModelPacket, request: Request): ModelPacket[] {
  const header = networkHeader(request);
  const six = whole.family === 'ipv6';
  const room = request.fragsize - header;
  const most = six ? (room & UNIT) - FRAGMENT_HEADER : room & UNIT;
  // Of IPv4 the last one may fill the path although its length is no multiple of 8.
  const last = six ? most : room;
  const total = whole.udpLength;
  const list: ModelPacket[] = [];
  for (let offset = 0; offset < total;) {
    const left = total - offset;
    const length = left <= last ? left : most;
    const more = length < left;
    list.push({
      ...whole,
      payload: cut(whole.payload, Math.max(0, offset - UDP_HEADER), offset + length - UDP_HEADER),
      ipLength: header + (six ? FRAGMENT_HEADER : 0) + length,
      udpLength: offset === 0 ? total : 0,
      fragment: { offset, more },
    });
    offset += length;
  }
  return list;
}
