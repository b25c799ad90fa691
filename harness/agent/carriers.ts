/** Which devices of a topology will get a carrier. */
import type { Link, Topology } from '../contract/topology.ts';

/** By name: all that are up, but for those whose other end or lower device is not. */
export function hopeful(topology: Topology, ns: string): string[] {
  const links = topology.namespaces[ns]?.links ?? [];
  return links.filter((link) => link.kind !== 'lo' && reaches(topology, ns, link)).map((link) => link.name);
}

function reaches(topology: Topology, ns: string, link: Link): boolean {
  if (!link.up || otherEnd(topology, ns, link)?.up === false) return false;
  const { links } = topology.namespaces[ns] ?? { links: [] };
  const below = links.filter(({ name, master }) => name === link.lower || master === link.name);
  return below.every((one) => reaches(topology, ns, one));
}

function otherEnd(topology: Topology, ns: string, { name, peer }: Link): Link | undefined {
  if (peer) return topology.namespaces[peer.ns]?.links.find((one) => one.name === peer.name);
  return Object.values(topology.namespaces)
    .flatMap((space) => space.links)
    .find((one) => one.peer?.ns === ns && one.peer.name === name);
}
