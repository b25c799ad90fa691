/** A frame being decoded: the layers found so far, and reads that never leave the bytes there are. */
import { decodeOther } from './dispatch.ts';
import type { Layer } from './layers.ts';

/** What comes next, and in which bytes. */
export interface Next {
  readonly kind: 'link' | 'ethertype' | 'ip' | 'udp-port' | 'payload';
  /** EtherType, IP protocol or the UDP ports' meaning. */
  readonly value: number;
  readonly at: number;
  readonly end: number;
}

/** How UDP ports are to be understood: which tunnels listen where. Protocol: what FOU carries. */
export type Ports = ReadonlyMap<number, 'vxlan' | 'geneve' | 'gue' | { readonly fou: number }>;

export interface Around {
  readonly source: Buffer;
  /** As checksums see it: the last hop of a routing header. */
  readonly destination: Buffer;
  /** Is this one of several fragments? */
  readonly fragment: 'none' | 'first' | 'later';
  /** All bytes up to the end by its own length are here. */
  readonly whole: boolean;
}

/** More layers than any real packet has; keeps crafted ones from going on for ever. */
export const MAX_LAYERS = 32;

export class Cursor {
  readonly layers: Layer[] = [];
  readonly findings: string[] = [];
  readonly bytes: Buffer;
  readonly ports: Ports;
  /** Offset of the checksum field that is left to a device; -1: none. */
  readonly partialAt: number;
  /** The packet quoted in an ICMP error: cut off anywhere, checksums not to be verified. */
  readonly quoted: boolean;
  around: Around | null = null;

  constructor(bytes: Buffer, ports: Ports, partialAt: number, quoted: boolean) {
    this.bytes = bytes;
    this.ports = ports;
    this.partialAt = partialAt;
    this.quoted = quoted;
  }

  /** Notes something wrong; in a quote a cut is no fault. */
  cut(what: string): null {
    if (!this.quoted) this.findings.push(`${what} is cut`);
    return null;
  }

  find(finding: string): void {
    if (!this.quoted) this.findings.push(finding);
  }

  u8(at: number): number {
    return this.bytes[at] ?? 0;
  }

  u16(at: number): number {
    return (this.u8(at) << 8) | this.u8(at + 1);
  }

  u32(at: number): number {
    return this.u16(at) * 65536 + this.u16(at + 2);
  }

  hex(from: number, to: number): string {
    return this.bytes.toString('hex', from, Math.max(from, to));
  }

  mac(at: number): string {
    return this.hex(at, at + 6).replace(/..(?=.)/g, '$&:');
  }

  /** Decodes layer after layer from `next` on. */
  run(next: Next | null): void {
    let on = next;
    while (on) {
      if (this.layers.length >= MAX_LAYERS) {
        this.find(`more than ${MAX_LAYERS} layers`);
        return;
      }
      on = decodeOther(this, on);
    }
  }
}
