/** Where on its way a datagram can be seen, as which packets, and what of it arrives. */
import { ON_THE_WIRE } from './devices.ts';
import type { Network } from './network.ts';
import { packetsOf } from './packets.ts';
import type { ModelPacket, Sent } from './packets.ts';
import type { Rules } from './signals.ts';
import { tagsOf } from './tags.ts';
import { outerPath, tunnelled } from './tunnels.ts';

/** What passes a device. */
export interface View {
  readonly ns: string;
  readonly dev: string;
  readonly packets: readonly ModelPacket[];
}

export interface Passage {
  readonly views: readonly View[];
  /** At the host it is for, without what a tunnel puts around them. */
  readonly arriving: readonly ModelPacket[];
}

/** @throws Underivable */
export function passage(sent: Sent, network: Network, rules: Rules): Passage {
  const { path } = sent.request;
  const { ns, dev } = path;
  // What leaves is ESP: no capture of UDP sees it, and no socket for UDP gets it where nobody has the key.
  if (path.transformed) return { views: bothEnds(network, ns, dev, [], []), arriving: [] };
  const packets = packetsOf(sent, network.device(ns, dev, rules), rules);
  const link = network.link(ns, dev);
  if (link?.kind === 'vxlan') {
    const outer = outerPath(network, ns, link);
    const around = tunnelled(sent, packets, link, outer, { network, rules });
    return {
      views: [{ ns, dev, packets }, ...bothEnds(network, ns, outer.dev, around, around)],
      arriving: around.map(({ outer: _, ...inner }) => inner),
    };
  }
  const far = network.isNic(ns, dev) ? packetsOf(sent, ON_THE_WIRE, rules) : packets;
  const tagged = (list: readonly ModelPacket[]): ModelPacket[] =>
    list.map((packet) => ({ ...packet, vlan: tagsOf(network, ns, dev, packet.priority) }));
  return { views: bothEnds(network, ns, dev, tagged(packets), tagged(far)), arriving: far };
}

/** Packets leave by the device below the one of their route, and come in at its other end. */
function bothEnds(
  network: Network,
  ns: string,
  dev: string,
  near: readonly ModelPacket[],
  far: readonly ModelPacket[],
): View[] {
  const peer = network.peer(ns, dev);
  return [{ ns, dev: network.lowest(ns, dev), packets: near }, ...(peer ? [{ ...peer, packets: far }] : [])];
}
