/** What the agent saw: raw facts per action, no verdict. */

/** A stretch of received bytes: either known payload of this case, or foreign bytes as hex, of many the first (32 of
 * a datagram, 4096 of a captured packet). */
export type Run =
  | { readonly stream: number; readonly at: number; readonly length: number }
  | { readonly foreign: string; readonly length: number };

export interface ReceivedControl {
  readonly level: string;
  readonly type: string;
  /** cmsg_len minus the header. */
  readonly length: number;
  readonly hex: string;
  /** Set when the data is a 4-byte int. */
  readonly int?: number;
}

export interface Datagram {
  /** recvmsg's return value. */
  readonly length: number;
  readonly payload: readonly Run[];
  readonly from: string;
  /** msg_flags as names, e.g. MSG_TRUNC. */
  readonly flags: readonly string[];
  readonly control: readonly ReceivedControl[];
  /** By SO_TIMESTAMPNS: when it arrived, in ms since the first send of the case was about to be made. */
  readonly atMs?: number;
}

/** Who put a notice on an error queue: SO_EE_ORIGIN_*, include/uapi/linux/errqueue.h. */
export const ERROR_ORIGINS = [
  ...(['none', 'local', 'icmp', 'icmp6', 'timestamping', 'zerocopy', 'txtime'] as const),
] as const;
export type ErrorOrigin = (typeof ERROR_ORIGINS)[number];

/** One notice of an error queue: struct sock_extended_err and what came with it. */
export interface QueuedError {
  /** A number nobody has named stays one. */
  readonly origin: ErrorOrigin | `${number}`;
  /** By name; `none` for 0. */
  readonly errno: string;
  readonly type: number;
  readonly code: number;
  readonly info: number;
  readonly data: number;
  /** recvmsg's return value: bytes of the packet in question that came along. */
  readonly length: number;
  /** Address of who reported it; empty: none was given. */
  readonly offender: string;
  /** Which time stamps came along (SCM_TIMESTAMPING). */
  readonly stamps: readonly ('software' | 'hardware')[];
}

/** A packet of a case as the agent took it from a capture, before anybody reads its headers. */
export interface CapturedFrame {
  readonly direction: 'out' | 'in';
  /** struct virtio_net_hdr, unless `plain`, and everything before the payload, from the link header on, as hex. */
  readonly head: string;
  /** The VLAN tag that belongs behind the hardware addresses, as hex; empty: none. */
  readonly tag: string;
  /** What is known in place of the virtio-net header, where the kernel could not make one (before 6.2, 860b7f27b8f7). */
  readonly plain?: { readonly partialChecksum: boolean };
  readonly payload: readonly Run[];
  /** Of a packet with more foreign bytes than are kept. */
  readonly checksum?: Packet['checksum'];
  /** {@link Packet.atMs} */
  readonly atMs?: number;
}

/** One packet a capture saw. */
export interface Packet {
  readonly direction: 'out' | 'in';
  /** virtio-net header: `none`, `udp-l4`, … */
  readonly gso: string;
  /** In bytes; 0 for a GSO packet: the kernel did not say (before 6.2, 860b7f27b8f7). */
  readonly gsoSize: number;
  /** `hdr_len` of the virtio-net header, in bytes; only where it leaves out some of a GSO packet's headers. */
  readonly headerLength?: number;
  /** True when the checksum is left to be filled in. */
  readonly partialChecksum: boolean;
  readonly family: 'ipv4' | 'ipv6';
  /** IPv4 total length, IPv6 payload length + 40. */
  readonly ipLength: number;
  /** 0 for a later fragment. */
  readonly udpLength: number;
  /**
   * `partial`: left to be filled in, and begun right; `misplaced`: left to be filled in where UDP has none. `fragment`: of a
   * packet in IP fragments, which none of them can be checked by alone.
   */
  readonly checksum: 'good' | 'bad' | 'partial' | 'misplaced' | 'zero' | 'fragment';
  readonly payload: readonly Run[];
  /** IPv4 identification; absent for IPv6. */
  readonly ipId?: number;
  readonly ttl: number;
  readonly tos: number;
  readonly df?: boolean;
  /** Endpoints; only addresses for a later fragment. */
  readonly from: string;
  readonly to: string;
  /** Of the packet around it, in a VXLAN tunnel. The checksum is that over the inner packet as it will be on the wire. */
  readonly outerChecksum?: 'good' | 'bad' | 'partial' | 'zero';
  readonly outerUdpLength?: number;
  readonly outerIpLength?: number;
  /** When it passed, in ms since the first send of the case was about to be made; absent: nobody said. */
  readonly atMs?: number;
  /** Everything before the payload, from the link header on, as hex. */
  readonly head: string;
}

export interface StepEvidence {
  /** Return value of the (last) system call; -1 on error. */
  readonly ret: number;
  /** e.g. `EMSGSIZE`, set when ret is -1. */
  readonly errno?: string;
  /** The system calls as they happened, strace-like. */
  readonly calls: readonly string[];
  /** getsockopt: what came back. */
  readonly value?: { readonly hex: string; readonly length: number; readonly int?: number };
  /** sendmmsg: msg_len of each message sent. */
  readonly lengths?: readonly number[];
  readonly datagrams?: readonly Datagram[];
  /** receive of datagrams with their times, packets of a case with launch times: how late things may come here, in ms. */
  readonly slackMs?: number;
  /** receive: how the queue was shown to be empty. `more` = something else was still there (in `datagrams`). */
  readonly drained?: 'sentinel' | 'empty' | 'more' | 'sentinel-lost';
  /** queue: bytes. */
  readonly bytes?: number;
  /** errors: everything that was on the queue. */
  readonly errors?: readonly QueuedError[];
  readonly counters?: Readonly<Record<string, number>>;
  readonly packets?: readonly Packet[];
  /** capture: packets the kernel dropped on us; non-zero spoils the evidence. */
  readonly drops?: number;
}

/** What the agent says of a case (harness/run/captured.ts makes {@link CaseEvidence} of it). */
export interface AgentEvidence extends Omit<CaseEvidence, 'steps'> {
  readonly steps: readonly AgentStep[];
}

export interface AgentStep extends Omit<StepEvidence, 'packets' | 'datagrams'> {
  readonly frames?: readonly CapturedFrame[];
  readonly datagrams?: readonly RepeatedDatagram[];
}

/** Datagrams of which each brings the bytes behind those of the one before, and is the same otherwise. */
export interface RepeatedDatagram extends Datagram {
  /** 2 or more; absent: it is only one. */
  readonly times?: number;
}

export interface CaseEvidence {
  readonly id: string;
  /** One per action, in order; shorter when `broken` is set. */
  readonly steps: readonly StepEvidence[];
  /** The agent could not go on: why (topology refused, bug, deadline). Makes the case `error` or `timeout`. */
  readonly broken?: {
    /** `refused`: a device of the topology would not take a feature it was told to have. */
    readonly kind: 'error' | 'timeout' | 'refused';
    readonly message: string;
  };
  /** When the first send was about to be made, in ns since 1970; absent: there was none. */
  readonly sentAt?: string;
  /** Calls that built the topology (first case of a topology only). */
  readonly setup: readonly string[];
  readonly kernel: {
    /** New /dev/kmsg lines; null when this caller may not read the log. */
    readonly log: readonly string[] | null;
    readonly taint: { readonly before: number; readonly after: number };
  };
  readonly durationMs: number;
}
