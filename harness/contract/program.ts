/**
 * What the planner hands to the agent: one {@link Program} per variant, with every size, address and name fixed.
 * The agent learns what to do, never what is expected, so that it cannot shape its evidence to fit.
 */
import type { Topology, TapOffload } from './topology.ts';

export type Family = 'ipv4' | 'ipv6';

/** Where a packet goes or comes from. `address` is a literal; `port` is 0..65535. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** sin6_flowinfo: flow label and traffic class, 0..2^28-1. */
  readonly flowinfo?: number;
}

/** A socket option's value: an int (4 bytes, native order), raw bytes as hex, or NULL with length 0. */
export type OptionValue = { readonly int: number } | { readonly hex: string } | { readonly null: true };

/** One control message of a send. `length` overrides cmsg_len to make it wrong on purpose. */
export interface ControlMessage {
  /** e.g. `SOL_UDP`, see abi/options.ts */
  readonly level: string;
  /** e.g. `UDP_SEGMENT` */
  readonly type: string;
  readonly value:
    | { readonly u8: number }
    | { readonly u16: number }
    | { readonly int: number }
    | { readonly u64: string }
    | { readonly hex: string }
    /** A u64: the time on that clock when the call is made, and so many ns more (or less). */
    | { readonly txtime: { readonly clock: 'monotonic' | 'tai'; readonly delta: number } };
  readonly length?: number;
}

/** One message: its bytes are stream number `stream` of the case (see agent/payload.ts), cut into `iov` pieces. */
export interface Message {
  readonly stream: number;
  /** Lengths of the iovecs in bytes; their sum is the message's length. */
  readonly iov: readonly number[];
  /** Index of the iovec that points to no memory; its length stays. */
  readonly unreadable?: number;
  readonly to?: Endpoint;
  readonly control: readonly ControlMessage[];
  /** Right after the call its bytes in memory become those of another stream, from this offset on. */
  readonly overwrite?: { readonly stream: number; readonly from: number };
}

/** A change of a link, route, sysctl … in mid-case. Marks the topology as used up. */
export type Change =
  | {
      readonly kind: 'link';
      readonly ns: string;
      readonly name: string;
      readonly mtu?: number;
      readonly up?: boolean;
      /** As in {@link Topology}'s links. */
      readonly gsoMaxSize?: number;
      readonly gsoMaxSegs?: number;
      readonly features?: Readonly<Record<string, boolean>>;
      /** tap: what its other side takes. */
      readonly offloads?: readonly TapOffload[];
    }
  | { readonly kind: 'sysctl'; readonly ns: string; readonly key: string; readonly value: string }
  | {
      readonly kind: 'route';
      readonly ns: string;
      readonly to: string;
      readonly dev: string;
      readonly mtu?: number;
      readonly local?: boolean;
      readonly del?: boolean;
    }
  | { readonly kind: 'xfrm'; readonly ns: string; readonly from: string; readonly to: string };

/** A frame of the agent's own making; its UDP payload is a stream of the case. */
export type MadePacket =
  | {
      readonly kind: 'udp';
      readonly from: Endpoint;
      readonly to: Endpoint;
      readonly stream: number;
      /** Of payload. */
      readonly bytes: number;
      /** Header fields that are not what they should be. */
      readonly faults?: HeaderFaults;
    }
  /** ICMP "fragmentation needed" or ICMPv6 "packet too big" about a datagram. */
  | {
      readonly kind: 'too-big';
      readonly from: string;
      readonly to: string;
      /** In bytes. */
      readonly mtu: number;
      readonly about: { readonly from: Endpoint; readonly to: Endpoint };
    };

/** Fields of an IP and a UDP header by what they are made to say; absent: the truth. */
export interface HeaderFaults {
  /** 0..15 */
  readonly version?: number;
  /** IPv4: words of 4 bytes, 0..15. */
  readonly ihl?: number;
  /** IPv4 total length, IPv6 payload length. */
  readonly ipLength?: number;
  /** IPv4; else it is right for the other faults. */
  readonly ipChecksum?: number;
  readonly udpLength?: number;
  readonly udpChecksum?: number;
}

/** struct virtio_net_hdr, field by field: include/uapi/linux/virtio_net.h. */
export interface VnetFields {
  readonly flags: number;
  readonly gsoType: number;
  readonly hdrLen: number;
  readonly gsoSize: number;
  readonly csumStart: number;
  readonly csumOffset: number;
}

export type Action =
  | {
      readonly do: 'open';
      readonly socket: string;
      readonly ns: string;
      readonly family: Family;
      readonly protocol: 'udp' | 'udplite';
    }
  | { readonly do: 'bind'; readonly socket: string; readonly to: Endpoint }
  /** `to: null` dissolves the association (AF_UNSPEC). */
  | { readonly do: 'connect'; readonly socket: string; readonly to: Endpoint | null }
  /** `length` overrides optlen; by default the value's own. */
  | {
      readonly do: 'set';
      readonly socket: string;
      readonly level: string;
      readonly option: string;
      readonly value: OptionValue;
      readonly length?: number;
    }
  /** `length`: the optlen handed in, -1 allowed to provoke EINVAL. */
  | {
      readonly do: 'get';
      readonly socket: string;
      readonly level: string;
      readonly option: string;
      readonly length: number;
    }
  /** One sendmsg(2), or one sendmmsg(2) when `call` says so. */
  | {
      readonly do: 'send';
      readonly socket: string;
      readonly call: 'sendmsg' | 'sendmmsg';
      readonly messages: readonly Message[];
      readonly flags: readonly string[];
    }
  /**
   * Reads up to `want` datagrams, then proves that the queue is empty: a sentinel datagram on the same path must be
   * the next and last thing to arrive (`sentinel`), or one more non-blocking read finds EAGAIN.
   */
  | {
      readonly do: 'receive';
      readonly socket: string;
      readonly want: number;
      /** Read buffer per datagram in bytes, 0..131072. */
      readonly buffer: number;
      /** Control buffer in bytes, 0..4096. */
      readonly control: number;
      readonly flags: readonly string[];
      /** Longest wait for a datagram in ms when no sentinel can be used. */
      readonly waitMs: number;
      /** Namespace to send the sentinel from and where to; absent: not usable on this path. */
      readonly sentinel?: { readonly ns: string; readonly family: Family; readonly to: Endpoint };
    }
  /** Reads the socket's error queue (MSG_ERRQUEUE) until nothing is left. */
  | {
      readonly do: 'errors';
      readonly socket: string;
      /** Notices to wait for; one of zerocopy completions counts as often as it covers sends. */
      readonly want: number;
      /** Longest wait for each of them in ms. */
      readonly waitMs: number;
    }
  | { readonly do: 'close'; readonly socket: string }
  /** ioctl SIOCOUTQ / SIOCINQ: bytes in the socket's queue. */
  | { readonly do: 'queue'; readonly socket: string; readonly which: 'out' | 'in' }
  /** Counters of a namespace: deltas since the case's start of /proc/net/snmp and snmp6 names such as `UdpOutDatagrams`. */
  | { readonly do: 'counters'; readonly ns: string; readonly names: readonly string[] }
  /** Puts a frame on a device past all sockets. */
  | {
      readonly do: 'inject';
      readonly ns: string;
      readonly dev: string;
      /** `packet`: it leaves by the device (AF_PACKET); `tap`: it comes in by it. */
      readonly by: 'packet' | 'tap';
      /** The device it is addressed to; absent on lo. */
      readonly hardware?: { readonly ns: string; readonly dev: string };
      readonly packet: MadePacket;
      /** Bytes of the frame that are kept, link header included. */
      readonly cut?: number;
      readonly vnet: VnetFields;
    }
  | { readonly do: 'change'; readonly change: Change }
  /** Starts capturing UDP packets on a device (AF_PACKET with virtio-net header). */
  | {
      readonly do: 'capture';
      readonly capture: string;
      readonly ns: string;
      readonly dev: string;
      readonly port: number;
    }
  /** Reads what a capture saw so far, both directions, loopback copies once. */
  | { readonly do: 'packets'; readonly capture: string };

export interface Program {
  /** The variant's id. */
  readonly id: string;
  /** Seeds the payload: bytes of one case never pass for those of another. */
  readonly seed: number;
  readonly topology: Topology;
  readonly actions: readonly Action[];
  /** Longest time the whole case may take on this target, in ms. */
  readonly deadlineMs: number;
}
