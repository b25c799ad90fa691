/** Ethernet, VLAN tags (IEEE 802.1Q, 802.1ad), ARP (RFC 826), MPLS (RFC 3032), PPPoE sessions (RFC 2516). */
import type { Cursor, Next } from './cursor.ts';
import { formatAddress } from './address.ts';

const ETHERNET = 14;
/** Below it the type field is a length (IEEE 802.3). */
const LEAST_TYPE = 0x600;

export function decodeEthernet(cursor: Cursor, { at, end }: Next): Next | null {
  if (end - at < ETHERNET) return cursor.cut('the Ethernet header');
  const type = cursor.u16(at + 12);
  cursor.layers.push({
    layer: 'ethernet',
    destination: cursor.mac(at),
    source: cursor.mac(at + 6),
    type,
  });
  if (type < LEAST_TYPE) return { kind: 'payload', value: 0, at: at + ETHERNET, end };
  return { kind: 'ethertype', value: type, at: at + ETHERNET, end };
}

export function decodeVlan(cursor: Cursor, { value, at, end }: Next): Next | null {
  if (end - at < 4) return cursor.cut('the VLAN tag');
  const tci = cursor.u16(at);
  const type = cursor.u16(at + 2);
  cursor.layers.push({
    layer: 'vlan',
    tpid: value,
    id: tci & 0xfff,
    priority: tci >> 13,
    dropEligible: (tci & 0x1000) !== 0,
    type,
  });
  return { kind: 'ethertype', value: type, at: at + 4, end };
}

/** Only Ethernet and IPv4, the one combination in use. */
export function decodeArp(cursor: Cursor, { at, end }: Next): Next | null {
  if (end - at < 28) return cursor.cut('the ARP message');
  const sizes = [cursor.u16(at), cursor.u16(at + 2), cursor.u8(at + 4), cursor.u8(at + 5)];
  if (sizes.join() !== '1,2048,6,4') {
    cursor.find('an ARP message that is not about Ethernet and IPv4');
    return { kind: 'payload', value: 0, at, end };
  }
  const address = (from: number): string => formatAddress(cursor.bytes.subarray(from, from + 4));
  cursor.layers.push({
    layer: 'arp',
    operation: cursor.u16(at + 6),
    senderMac: cursor.mac(at + 8),
    sender: address(at + 14),
    targetMac: cursor.mac(at + 18),
    target: address(at + 24),
  });
  return null;
}

/** One label; below the last one is IP, told by its first four bits. */
export function decodeMpls(cursor: Cursor, { at, end }: Next): Next | null {
  if (end - at < 4) return cursor.cut('the MPLS label');
  cursor.layers.push({ layer: 'mpls', id: cursor.u32(at) >>> 12, protocol: null });
  const bottom = (cursor.u8(at + 2) & 1) !== 0;
  if (!bottom) return { kind: 'ethertype', value: 0x8847, at: at + 4, end };
  const version = cursor.u8(at + 4) >> 4;
  if (version === 4) return { kind: 'ethertype', value: 0x0800, at: at + 4, end };
  if (version === 6) return { kind: 'ethertype', value: 0x86dd, at: at + 4, end };
  return { kind: 'payload', value: 0, at: at + 4, end };
}

const PPP: Readonly<Record<number, number>> = { 0x21: 0x0800, 0x57: 0x86dd };

export function decodePppoe(cursor: Cursor, { at, end }: Next): Next | null {
  if (end - at < 8) return cursor.cut('the PPPoE header');
  const length = cursor.u16(at + 4);
  const protocol = cursor.u16(at + 6);
  cursor.layers.push({ layer: 'pppoe', id: cursor.u16(at + 2), protocol });
  if (length < 2 || at + 6 + length > end)
    cursor.find(`PPPoE length ${length}, ${end - at - 6} bytes are there`);
  const type = PPP[protocol];
  const inside = { at: at + 8, end: Math.max(at + 8, Math.min(end, at + 6 + length)) };
  return type === undefined
    ? { kind: 'payload', value: 0, ...inside }
    : { kind: 'ethertype', value: type, ...inside };
}
