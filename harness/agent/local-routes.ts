/**
 * An IPv6 address can be reached once its own route is there, which the kernel adds from a work queue some time after the
 * address, also when duplicate address detection is off (net/ipv6/addrconf.c: addrconf_dad_work()). A route that is to take
 * the automatic one's place must come after it: put in before, it would stand beside it with the higher metric, and lose.
 */
import { readFileSync } from 'node:fs';
import { parsePrefix } from './addresses.ts';
import { AF } from './sys.ts';
import { hasIpv6 } from './sysctl.ts';
import { waitUntilDone } from './wait.ts';

const TABLE = '/proc/net/ipv6_route';
const RTF_LOCAL = 0x80000000;

/** Waits until every IPv6 one of these addresses (`address/prefix`) has its route in the current namespace. */
export function awaitLocalRoutes(addresses: readonly string[]): void {
  const wanted = addresses
    .map(parsePrefix)
    .filter(({ family }) => family === AF.INET6)
    .map(({ address }) => address.toString('hex'));
  if (wanted.length === 0 || !hasIpv6()) return;
  waitUntilDone(() => {
    const there = localRoutes(readFileSync(TABLE, 'latin1'));
    const missing = wanted.find((address) => !there.has(address));
    return missing === undefined ? null : `the kernel has given ${missing} no local route`;
  });
}

/** Addresses in hex that a dump of the table delivers locally; columns as in rt6_info_route(), net/ipv6/route.c. */
export function localRoutes(table: string): Set<string> {
  const local = new Set<string>();
  for (const line of table.split('\n')) {
    const [address, length, , , , , , , flags] = line.trim().split(/\s+/u);
    if (address !== undefined && length === '80' && (Number.parseInt(flags ?? '0', 16) & RTF_LOCAL) !== 0)
      local.add(address);
  }
  return local;
}
