/**
 * Decodes whole frames: every layer, every checksum, and everything that is wrong with them. Total: whatever the bytes are,
 * there is an answer and no exception. The quick way to just the UDP packet is frame.ts.
 */
import { Cursor } from './cursor.ts';
import type { Ports } from './cursor.ts';
import type { Decoded } from './layers.ts';

/** IANA's ports of VXLAN, Geneve and GUE. */
export const WELL_KNOWN: Ports = new Map([
  [4789, 'vxlan' as const],
  [6081, 'geneve' as const],
  [6080, 'gue' as const],
]);

export interface DecodeOptions {
  readonly ports?: Ports;
  /** Offset of the checksum field still to be filled in: csum_start + csum_offset of the virtio-net header. */
  readonly partialAt?: number;
  /** What the first byte belongs to: an Ethernet frame (default) or an IP packet. */
  readonly from?: 'ethernet' | 'ip';
}

/** What is in these bytes. */
export function decode(bytes: Buffer, options: DecodeOptions = {}): Decoded {
  const { ports = WELL_KNOWN, partialAt = -1, from = 'ethernet' } = options;
  const cursor = new Cursor(bytes, ports, partialAt, false);
  const end = bytes.length;
  if (from === 'ethernet') cursor.run({ kind: 'link', value: 0, at: 0, end });
  else cursor.run({ kind: 'ethertype', value: cursor.u8(0) >> 4 === 6 ? 0x86dd : 0x0800, at: 0, end });
  return { layers: cursor.layers, findings: cursor.findings };
}
