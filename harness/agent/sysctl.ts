/** Sysctls of the namespace the thread is in: /proc/sys/net shows that of the task that opens the file. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** `key` as below /proc/sys, with slashes. */
export function writeSysctl(key: string, value: string): void {
  writeFileSync(`/proc/sys/${key}`, value);
}

export function readSysctl(key: string): string {
  return readFileSync(`/proc/sys/${key}`, 'utf8').trim();
}

/**
 * What IPv6 sends on its own account must not get into counters and captures: no link-local address by itself
 * (addr_gen_mode 1), no router solicitation, no duplicate address detection. For devices created afterwards, which begin with
 * `default`; the address mode of all goes to lo and to `default` too, and detection is off where both say so
 * (net/ipv6/addrconf.c: addrconf_sysctl_addr_gen_mode(), addrconf_dad_begin()). lo solicits and detects nothing.
 */
const QUIET: readonly (readonly [string, string])[] = [
  ['all/addr_gen_mode', '1'],
  ['all/accept_dad', '0'],
  ['default/accept_dad', '0'],
  ['default/accept_ra', '0'],
  ['default/router_solicitations', '0'],
];

/** Silences IPv6 in the current, new namespace. */
export function quietIpv6(): void {
  if (!existsSync('/proc/sys/net/ipv6')) return;
  for (const [key, value] of QUIET) writeSysctl(`net/ipv6/conf/${key}`, value);
}
