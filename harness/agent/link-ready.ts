/**
 * A device that was set up is of use only some time later: carrier changes go through a work queue (net/core/link_watch.c),
 * and until that has run the device has no queue (`noop`: it drops everything) and those above it no carrier either.
 */
import type { Link, Topology } from '../contract/topology.ts';
import { getLink } from './links.ts';
import type { Netlink } from './netlink.ts';
import { waitUntilDone } from './wait.ts';

/** What a device drops everything with: net/sched/sch_generic.c, noop_qdisc_ops. */
const NO_QUEUE_YET = 'noop';

/** Waits until these devices of one namespace pass packets. */
export function awaitReady(route: Netlink, names: readonly string[]): void {
  for (const name of names)
    waitUntilDone(() => {
      const { running, qdisc } = getLink(route, name);
      if (running && qdisc !== NO_QUEUE_YET) return null;
      return `${name}, which was set up, got no ${running ? 'queue' : 'carrier'}`;
    });
}

/** Devices of a namespace that will get a carrier: all that are up, but for those whose other end or lower device is not. */
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
