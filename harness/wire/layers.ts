/** What a frame is made of, layer by layer. Offsets and lengths in bytes. */

/** `partial`: to be filled in by a device; `unverifiable`: not all of the bytes are here. */
export type ChecksumState = 'good' | 'bad' | 'zero' | 'partial' | 'unverifiable';

export interface Ethernet {
  readonly layer: 'ethernet';
  readonly source: string;
  readonly destination: string;
  readonly type: number;
}

/** One tag; two in a row are QinQ. */
export interface Vlan {
  readonly layer: 'vlan';
  /** 0x8100 or 0x88a8 */
  readonly tpid: number;
  readonly id: number;
  readonly priority: number;
  readonly dropEligible: boolean;
  readonly type: number;
}

export interface Arp {
  readonly layer: 'arp';
  /** 1 request, 2 reply */
  readonly operation: number;
  readonly senderMac: string;
  readonly sender: string;
  readonly targetMac: string;
  readonly target: string;
}

export interface IpOption {
  readonly type: number;
  /** The option without type and length. */
  readonly data: string;
}

export interface Ipv4 {
  readonly layer: 'ipv4';
  readonly source: string;
  readonly destination: string;
  readonly headerLength: number;
  readonly totalLength: number;
  readonly id: number;
  readonly df: boolean;
  readonly more: boolean;
  /** In bytes. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  readonly tos: number;
  readonly protocol: number;
  readonly checksum: ChecksumState;
  readonly options: readonly IpOption[];
  /** All option bytes, padding included, as hex. */
  readonly optionBytes: string;
}

export interface Ipv6 {
  readonly layer: 'ipv6';
  readonly source: string;
  readonly destination: string;
  readonly payloadLength: number;
  readonly hopLimit: number;
  readonly trafficClass: number;
  readonly flowLabel: number;
  readonly nextHeader: number;
}

export interface Extension {
  readonly layer: 'extension';
  /** Its number, e.g. 0 hop-by-hop, 43 routing, 44 fragment, 51 AH, 50 ESP, 60 destination, 135 mobility. */
  readonly header: number;
  readonly nextHeader: number;
  /** Without the next-header byte, as hex. */
  readonly body: string;
  /** Options of hop-by-hop and destination headers, padding left out. */
  readonly options?: readonly IpOption[];
  readonly segmentsLeft?: number;
  /** Fragment header only; offset in bytes. */
  readonly fragment?: { readonly offset: number; readonly more: boolean; readonly id: number };
}

export interface Udp {
  readonly layer: 'udp' | 'udplite';
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** UDP length; UDP-Lite: bytes the checksum covers. */
  readonly length: number;
  readonly checksum: ChecksumState;
}

export interface Icmp {
  readonly layer: 'icmp' | 'icmpv6';
  readonly type: number;
  readonly code: number;
  /** Next-hop MTU of "too big" messages. */
  readonly mtu?: number;
  readonly checksum: ChecksumState;
  /** The packet an error is about, as far as it is quoted. */
  readonly quoted: readonly Layer[];
}

export interface Tunnel {
  readonly layer: 'vxlan' | 'geneve' | 'gre' | 'erspan' | 'gue' | 'fou' | 'mpls' | 'pppoe';
  /** VNI, key, label or session; null where there is none. */
  readonly id: number | null;
  /** EtherType or IP protocol of what is inside; null where it follows from the kind. */
  readonly protocol: number | null;
}

/** Bytes nobody looks into here. */
export interface Opaque {
  readonly layer: 'payload' | 'opaque';
  readonly what: string;
  readonly length: number;
  /** Offset in the frame. */
  readonly at: number;
}

export type Layer = Ethernet | Vlan | Arp | Ipv4 | Ipv6 | Extension | Udp | Icmp | Tunnel | Opaque;

export interface Decoded {
  readonly layers: readonly Layer[];
  /** What is wrong with it, in words; empty for a well-formed frame. */
  readonly findings: readonly string[];
}
