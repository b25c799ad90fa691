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
 * What IPv6 sends on its own account must not get into counters and captures: no link-local address by itself (addr_gen_mode 1,
 * which goes to lo and to `default` too), no router solicitation where a topology gives a device such an address. For devices
 * created afterwards, which begin with `default`. Duplicate address detection is each address's own affair (IFA_F_NODAD,
 * addresses.ts). net/ipv6/addrconf.c: addrconf_sysctl_addr_gen_mode(), addrconf_dad_begin(), addrconf_dad_completed().
 */
const QUIET: readonly (readonly [string, string])[] = [
  ['net/ipv6/conf/all/addr_gen_mode', '1'],
  ['net/ipv6/conf/default/accept_ra', '0'],
];

/** By these in the first namespace all later ones begin silent, for IPv6 too takes over its values then. */
export const QUIET_FROM_THE_FIRST: typeof QUIET = [['net/core/devconf_inherit_init_net', '1'], ...QUIET];

/** Whether this kernel has IPv6 at all. */
let ipv6: boolean | undefined;

export function hasIpv6(): boolean {
  return (ipv6 ??= existsSync('/proc/sys/net/ipv6'));
}

/** Whether new namespaces are silent from the first; writing four sysctls takes an emulated guest as long as a case. */
let inherited: boolean | undefined;

/** Silences IPv6 in the current, new namespace. */
export function quietIpv6(): void {
  if (!hasIpv6()) return;
  inherited ??= QUIET.every(([key, value]) => readSysctl(key) === value);
  if (inherited) return;
  for (const [key, value] of QUIET) writeSysctl(key, value);
}
