/** Counters of a namespace: /proc/net/snmp (IPv4, names by line) and /proc/net/snmp6. */
import { existsSync, readFileSync } from 'node:fs';

export type Counters = ReadonlyMap<string, number>;

/** Counters of the namespace the thread is in: `UdpOutDatagrams`, `IpOutRequests`, `Udp6OutDatagrams` … */
export function readCounters(): Counters {
  const counters = new Map<string, number>();
  parseSnmp(readFileSync('/proc/net/snmp', 'latin1'), counters);
  parseSnmp(readFileSync('/proc/net/netstat', 'latin1'), counters);
  if (existsSync('/proc/net/snmp6')) parseSnmp6(readFileSync('/proc/net/snmp6', 'latin1'), counters);
  return counters;
}

/** Pairs of lines, names then numbers, both behind the same `Udp:`. */
export function parseSnmp(text: string, into: Map<string, number>): void {
  const lines = text.split('\n');
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const [prefix = '', ...names] = (lines[at] ?? '').split(' ');
    const [, ...values] = (lines[at + 1] ?? '').split(' ');
    for (const [index, name] of names.entries()) into.set(prefix.slice(0, -1) + name, Number(values[index]));
  }
}

/** `Udp6OutDatagrams   3` per line. */
export function parseSnmp6(text: string, into: Map<string, number>): void {
  for (const line of text.split('\n')) {
    const [name, value] = line.split(/\s+/u);
    if (name !== undefined && name !== '') into.set(name, Number(value));
  }
}

/** Differences of the counters asked for. @throws RangeError when the kernel has none of that name. */
export function difference(
  names: readonly string[],
  before: Counters,
  after: Counters,
): Record<string, number> {
  return Object.fromEntries(
    names.map((name) => {
      const now = after.get(name);
      if (now === undefined) throw new RangeError(`this kernel has no counter ${name}`);
      return [name, now - (before.get(name) ?? 0)];
    }),
  );
}
