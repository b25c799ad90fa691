/**
 * A device that was set up is of use only some time later: carrier changes go through a work queue (net/core/link_watch.c),
 * and until that has run the device has no queue (`noop`: it drops everything) and those above it no carrier either.
 */
import { getLink } from './links.ts';
import type { LinkInfo } from './links.ts';
import type { Netlink } from './netlink.ts';
import { waitUntilDone } from './wait.ts';

/** What a device drops everything with: net/sched/sch_generic.c, noop_qdisc_ops. */
const NO_QUEUE_YET = 'noop';

/** Waits until these devices of one namespace pass packets; what they are then, by name. */
export function awaitReady(route: Netlink, names: readonly string[]): Map<string, LinkInfo> {
  const ready = new Map<string, LinkInfo>();
  for (const name of names)
    waitUntilDone(() => {
      const link = getLink(route, name);
      ready.set(name, link);
      if (link.running && link.qdisc !== NO_QUEUE_YET) return null;
      return `${name}, which was set up, got no ${link.running ? 'queue' : 'carrier'}`;
    });
  return ready;
}
