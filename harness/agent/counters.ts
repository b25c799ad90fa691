/** Counters of a namespace: /proc/net/snmp and netstat (IPv4, names by line) and /proc/net/snmp6. */
import { existsSync, readFileSync } from 'node:fs';

/**
 * The files as they were. Only the counters asked for are looked up: taking all 400 apart keeps an emulated guest busy for
 * 10 ms.
 */
export interface Counters {
  /** Of the form of /proc/net/snmp. */
  readonly tables: readonly string[];
  /** Of the form of /proc/net/snmp6. */
  readonly lists: readonly string[];
}

const TABLES = ['/proc/net/snmp', '/proc/net/netstat'];
const LISTS = ['/proc/net/snmp6'];

export const NO_COUNTERS: Counters = { tables: [], lists: [] };

/** Counters of the namespace the thread is in: `UdpOutDatagrams`, `IpOutRequests`, `Udp6OutDatagrams` … */
export function readCounters(): Counters {
  const read = (path: string): string => readFileSync(path, 'latin1');
  return { tables: TABLES.map(read), lists: LISTS.filter((path) => existsSync(path)).map(read) };
}

/** One counter; undefined when there is none of that name. */
export function counter({ tables, lists }: Counters, name: string): number | undefined {
  if (!/^\w+$/u.test(name)) return undefined;
  for (const text of lists) {
    const found = listed(text, name);
    if (found !== undefined) return found;
  }
  for (const text of tables) {
    const found = tabled(text, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `Udp6OutDatagrams   3` per line. */
function listed(text: string, name: string): number | undefined {
  const value = new RegExp(String.raw`^${name}\s+(\d+)$`, 'mu').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

/** Pairs of lines, names then numbers, both behind the same `Udp:`, which the counter's name begins with. */
function tabled(text: string, name: string): number | undefined {
  const lines = text.split('\n');
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const line = lines[at] ?? '';
    const prefix = line.slice(0, line.indexOf(':'));
    if (prefix === '' || !name.startsWith(prefix)) continue;
    const column = line.split(' ').indexOf(name.slice(prefix.length));
    if (column > 0) return Number((lines[at + 1] ?? '').split(' ')[column]);
  }
  return undefined;
}

/** Differences of the counters asked for. @throws RangeError when the kernel has none of that name. */
export function difference(
  names: readonly string[],
  before: Counters,
  after: Counters,
): Record<string, number> {
  return Object.fromEntries(
    names.map((name) => {
      const now = counter(after, name);
      if (now === undefined) throw new RangeError(`this kernel has no counter ${name}`);
      return [name, now - (counter(before, name) ?? 0)];
    }),
  );
}
