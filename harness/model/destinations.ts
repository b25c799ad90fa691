/** What kind of address a destination is, and which routes lead there. */
import type { Link, Route } from '../contract/topology.ts';
import { parseAddress } from '../wire/address.ts';

/** One host, all members of a group, or everybody on a link. */
export type Cast = 'one' | 'group' | 'all';

/** Routes that come with a device's own addresses. */
export function connected(link: Link): Route[] {
  return link.addresses.map((to) => ({ to, dev: link.name }));
}

/** Without prefix length. */
export function bare(address: string): string {
  return address.split('/')[0] ?? address;
}

export function prefix(route: string): number {
  return Number(route.split('/')[1] ?? 128);
}

export function covers(route: string, address: Buffer): boolean {
  const network = parseAddress(bare(route));
  if (network?.length !== address.length) return false;
  const bits = Math.min(prefix(route), address.length * 8);
  for (let bit = 0; bit < bits; bit++) {
    const mask = 0x80 >> (bit & 7);
    if (((network[bit >> 3] ?? 0) & mask) !== ((address[bit >> 3] ?? 0) & mask)) return false;
  }
  return true;
}

/** `links`: of the namespace it is sent from, whose networks tell what a broadcast is. */
export function castOf(address: Buffer, links: Iterable<Link>): Cast {
  if (isEverybody(address)) return 'all';
  if (isMulticast(address)) return 'group';
  return networkOf(address, links) ? 'all' : 'one';
}

function isEverybody(address: Buffer): boolean {
  return address.length === 4 && address.readUInt32BE() === 0xffffffff;
}

/** The device on whose IPv4 network this is the last address. */
export function networkOf(address: Buffer, links: Iterable<Link>): string | undefined {
  if (address.length !== 4) return undefined;
  const number = address.readUInt32BE();
  const networks = [...links].flatMap(connected).filter(({ to }) => covers(to, address));
  return networks.find(({ to }) => {
    const hosts = 2 ** (32 - prefix(to)) - 1;
    return hosts > 1 && (number & hosts) >>> 0 === hosts;
  })?.dev;
}

function isMulticast(address: Buffer): boolean {
  return address.length === 4 ? (address[0] ?? 0) >= 224 : address[0] === 0xff;
}

export function isLoopback(address: Buffer): boolean {
  if (address.length === 4) return address[0] === 127;
  return address.subarray(0, 15).every((byte) => byte === 0) && address[15] === 1;
}
