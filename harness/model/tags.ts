/** The VLAN tags that a packet gets on its way down to the wire. */
import type { Network } from './network.ts';
import { joined, tag } from './observe.ts';

const ETH_P_8021Q = 0x8100;

/** Those between `dev` and the lowest device, outermost first, as observe.ts writes them; empty: none. */
export function tagsOf(network: Network, ns: string, dev: string): string {
  const link = network.link(ns, dev);
  const own = link?.kind === 'vlan' ? tag({ tpid: ETH_P_8021Q, id: link.id ?? 0, priority: 0 }) : '';
  return link?.lower === undefined ? own : joined(tagsOf(network, ns, link.lower), own);
}
