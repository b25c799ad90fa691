/** What a device with generic receive offload makes of the packets of one send, when one poll finds them all. */
import type { Slice } from '../contract/expectation.ts';
import { UDP_HEADER, hasExtensions, networkHeader } from './limits.ts';
import type { ModelPacket } from './packets.ts';
import type { Request } from './request.ts';
import { Underivable } from './signals.ts';

/** Packets that became one. */
export interface Joined {
  readonly payload: readonly Slice[];
  /** Bytes of each but the last; 0: it is one packet. */
  readonly gsoSize: number;
}

/** UDP_GRO_CNT_MAX (net/ipv4/udp_offload.c) */
const MOST_PACKETS = 64;
/** GRO_LEGACY_MAX_SIZE: the IP packet has to stay below it (skb_gro_receive()). */
const MOST_BYTES = 65536;

/**
 * udp_gro_receive_segment(): equal lengths, and one shorter that is the last. `packets` have the same headers but for
 * identifications in a row. @throws Underivable
 */
export function join(request: Request, packets: readonly ModelPacket[]): Joined[] {
  if (request.options.length > 0 || hasExtensions(request))
    throw new Underivable('packets with options may be joined');
  const header = networkHeader(request) + UDP_HEADER;
  const joined: { payload: Slice[]; size: number; bytes: number; count: number; closed: boolean }[] = [];
  for (const { payload, udpLength } of packets) {
    const bytes = udpLength - UDP_HEADER;
    const last = joined.at(-1);
    const fits = last && !last.closed && bytes <= last.size && header + last.bytes + bytes < MOST_BYTES;
    if (!fits) {
      joined.push({ payload: [...payload], size: bytes, bytes, count: 1, closed: false });
      continue;
    }
    last.payload.push(...payload);
    last.bytes += bytes;
    last.count++;
    last.closed = bytes < last.size || last.count >= MOST_PACKETS;
  }
  return joined.map(({ payload, size, count }) => ({ payload, gsoSize: count > 1 ? size : 0 }));
}
