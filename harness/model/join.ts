/** What a device with generic receive offload makes of the packets of one send, when one poll finds them all. */
import type { Slice } from '../contract/expectation.ts';
import { UDP_HEADER, hasExtensions, networkHeader } from './limits.ts';
import type { Network, Path } from './network.ts';
import type { ModelPacket } from './packets.ts';
import type { Request } from './request.ts';
import { Underivable } from './signals.ts';
import type { Rules } from './signals.ts';

/**
 * Does the other end join packets on their way in? veth has a NAPI instance for that, and uses it for what was sent here
 * when this end does not segment TCP (veth_skb_is_eligible_for_gro()). @throws Underivable where others would
 */
export function joins(network: Network, { ns, dev }: Path, rules: Rules): boolean {
  const far = network.peer(ns, dev);
  const there = far && network.link(far.ns, far.dev);
  // gro_cells_receive() does it by default, unless somebody else has the packet too.
  if (there?.kind === 'vxlan') throw new Underivable(`${there.name} may join packets`);
  if (there?.features['rx-gro'] !== true) return false;
  const here = network.link(ns, network.lowest(ns, dev))?.features;
  if (there.kind !== 'veth' || here?.['tx-tcp-segmentation'] !== false)
    throw new Underivable(`${there.name} may join packets`);
  return rules.has('veth-joins-packets');
}

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
