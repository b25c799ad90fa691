/** VXLAN (RFC 7348), Geneve (RFC 8926), GRE (RFC 2784, 2890) with ERSPAN, GUE (draft-ietf-intarea-gue). */
import type { Cursor, Next } from './cursor.ts';

/** IANA's. */
export const VXLAN_PORT = 4789;
/** In bytes. */
export const VXLAN_HEADER = 8;
const BRIDGED = 0x6558;
const ERSPAN = new Set([0x88be, 0x22eb]);

/** Both have eight bytes with the VNI at the fifth; Geneve adds options and says what it carries. */
export function decodeVxlanLike(cursor: Cursor, { at, end }: Next, kind: 'vxlan' | 'geneve'): Next | null {
  if (end - at < 8) return cursor.cut(`the ${kind} header`);
  const options = kind === 'geneve' ? (cursor.u8(at) & 0x3f) * 4 : 0;
  const protocol = kind === 'geneve' ? cursor.u16(at + 2) : BRIDGED;
  if (kind === 'geneve' && cursor.u8(at) >> 6 !== 0) cursor.find(`Geneve version ${cursor.u8(at) >> 6}`);
  if (kind === 'vxlan' && (cursor.u8(at) & 8) === 0) cursor.find('a VXLAN header without a valid VNI');
  cursor.layers.push({
    layer: kind,
    id: cursor.u32(at + 4) >>> 8,
    protocol: kind === 'geneve' ? protocol : null,
  });
  if (at + 8 + options > end) return cursor.cut('the Geneve options');
  return { kind: 'ethertype', value: protocol, at: at + 8 + options, end };
}

export function decodeGre(cursor: Cursor, { at, end }: Next): Next | null {
  if (end - at < 4) return cursor.cut('the GRE header');
  const flags = cursor.u16(at);
  const protocol = cursor.u16(at + 2);
  const version = flags & 7;
  const hasKey = (flags & 0x2000) !== 0;
  const keyAt = at + 4 + (flags & 0x8000 ? 4 : 0);
  const length = keyAt - at + (hasKey ? 4 : 0) + (flags & 0x1000 ? 4 : 0);
  if (version !== 0) cursor.find(`GRE version ${version}`);
  if (version !== 0 || at + length > end) {
    cursor.layers.push({ layer: 'gre', id: null, protocol });
    return version === 0 ? cursor.cut('the GRE header') : { kind: 'payload', value: 0, at: at + 4, end };
  }
  cursor.layers.push({ layer: 'gre', id: hasKey ? cursor.u32(keyAt) : null, protocol });
  if (ERSPAN.has(protocol)) {
    cursor.layers.push({ layer: 'erspan', id: cursor.u16(at + length + 2) & 0x3ff, protocol: null });
    return { kind: 'payload', value: 0, at: at + length, end };
  }
  return { kind: 'ethertype', value: protocol, at: at + length, end };
}

/** Version 0 has a header of its own; version 1 is IP right behind UDP, told by its first bits. */
export function decodeGue(cursor: Cursor, { at, end }: Next): Next | null {
  if (end - at < 4) return cursor.cut('the GUE header');
  const version = cursor.u8(at) >> 6;
  if (version === 1) {
    cursor.layers.push({ layer: 'gue', id: null, protocol: null });
    const value = cursor.u8(at) >> 4 === 6 ? 41 : 4;
    return { kind: 'ip', value, at, end };
  }
  if (version !== 0) cursor.find(`GUE version ${version}`);
  const protocol = cursor.u8(at + 1);
  const length = 4 + (cursor.u8(at) & 31) * 4;
  cursor.layers.push({ layer: 'gue', id: null, protocol });
  if (at + length > end) return cursor.cut('the GUE header');
  const control = (cursor.u8(at) & 0x20) !== 0;
  if (control || version !== 0) return { kind: 'payload', value: 0, at: at + length, end };
  return { kind: 'ip', value: protocol, at: at + length, end };
}
