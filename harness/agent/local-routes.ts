/**
 * An IPv6 address can be reached once its own route is there, which the kernel adds from a work queue some time after the
 * address, also when duplicate address detection is off (net/ipv6/addrconf.c: addrconf_dad_work()). A route that is to take
 * the automatic one's place must come after it: put in before, it would stand beside it with the higher metric, and lose.
 */
import { isLocal } from './addresses.ts';
import type { Netlink } from './netlink.ts';
import { hasIpv6 } from './sysctl.ts';
import { waitUntilDone } from './wait.ts';

/** Waits until every IPv6 one of these addresses (`address/prefix`) of the namespace has its route. */
export function awaitLocalRoutes(route: Netlink, addresses: readonly string[]): void {
  if (!hasIpv6()) return;
  for (const address of addresses)
    if (address.includes(':'))
      waitUntilDone(() =>
        isLocal(route, address) ? null : `the kernel has given ${address} no local route`,
      );
}
