/** The VLAN tags that a packet gets on its way down to the wire. */
import type { Network } from './network.ts';
import { joined, tag } from './observe.ts';

const ETH_P_8021Q = 0x8100;
/** Of a tag's three bits. */
const MOST_PRIORITY = 7;

/** Those between `dev` and the lowest device, outermost first, as observe.ts writes them; empty: none. `priority`: of the packet. */
export function tagsOf(network: Network, ns: string, dev: string, priority: number): string {
  const link = network.link(ns, dev);
  // vlan_dev_get_egress_qos_mask(): 0 unless there is a mapping.
  const mapped = link?.priorities === true && priority <= MOST_PRIORITY ? priority : 0;
  const own = link?.kind === 'vlan' ? tag({ tpid: ETH_P_8021Q, id: link.id ?? 0, priority: mapped }) : '';
  return link?.lower === undefined ? own : joined(tagsOf(network, ns, link.lower, priority), own);
}
