/**
 * A device that was set up is of use only some time later: carrier changes go through a work queue (net/core/link_watch.c),
 * and until that has run the device has no queue (`noop`: it drops everything) and those above it no carrier either.
 */
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
