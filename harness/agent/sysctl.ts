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
 * (addr_gen_mode 1), no router solicitation, no duplicate address detection. For devices created afterwards.
 */
const QUIET: Readonly<Record<string, string>> = {
  addr_gen_mode: '1',
  accept_ra: '0',
  router_solicitations: '0',
  accept_dad: '0',
};

/** Silences IPv6 in the current, new namespace. */
export function quietIpv6(): void {
  if (!existsSync('/proc/sys/net/ipv6')) return;
  for (const scope of ['all', 'default', 'lo']) {
    for (const [key, value] of Object.entries(QUIET)) writeSysctl(`net/ipv6/conf/${scope}/${key}`, value);
  }
}
