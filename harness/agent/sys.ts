/**
 * The system calls the agent makes, as the kernel answers them: a negative return value is minus the errno. All of them
 * are synchronous. The interface exists so that a deliberately wrong endpoint (fixtures/endpoints) can stand in between.
 */

import { align8 } from './layout.ts';

/** One message to send. The buffers must not change until the call returns. */
export interface OutgoingMessage {
  /** struct sockaddr, or null for none. */
  readonly name: Buffer | null;
  readonly iov: readonly Buffer[];
  /** Index of the piece in place of whose memory NULL is handed in, so that reading it is EFAULT. */
  readonly unreadable?: number;
  /** Control messages as laid out by control.ts, or null for none. */
  readonly control: Buffer | null;
}

/** Buffers to receive into, used again for every datagram; the last three fields are what the kernel wrote. */
export interface IncomingMessage {
  readonly data: Buffer;
  readonly control: Buffer;
  /** The same memory in words of 4 bytes: one load each, where Buffer's own methods take a call and four. */
  readonly controlWords: Uint32Array;
  readonly name: Buffer;
  readonly nameWords: Uint32Array;
  /** Bytes of `data` and `control` offered to the kernel. */
  dataRoom: number;
  controlRoom: number;
  nameLength: number;
  controlLength: number;
  flags: number;
}

export interface OptionResult {
  /** 0 or minus the errno. */
  readonly ret: number;
  /** optlen as the kernel left it. */
  readonly length: number;
}

export interface SystemCalls {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, name: Buffer): number;
  connect(fd: number, name: Buffer): number;
  close(fd: number): number;
  /** Length of the name, or minus the errno. */
  getsockname(fd: number, into: Buffer): number;
  /** `value` may be null (a NULL pointer); `length` may be negative to provoke an error, never beyond the buffer. */
  setsockopt(fd: number, level: number, option: number, value: Buffer | null, length: number): number;
  getsockopt(fd: number, level: number, option: number, into: Buffer, length: number): OptionResult;
  sendmsg(fd: number, message: OutgoingMessage, flags: number): number;
  /** `lengths` takes msg_len of each message sent. */
  sendmmsg(fd: number, messages: readonly OutgoingMessage[], flags: number, lengths: number[]): number;
  recvmsg(fd: number, message: IncomingMessage, flags: number): number;
  /** Messages received, or minus the errno; `lengths` takes msg_len of each. At most {@link MAX_BATCH} messages. */
  recvmmsg(fd: number, messages: readonly IncomingMessage[], flags: number, lengths: number[]): number;
  /** revents, 0 when `timeoutMs` passed, or minus the errno. */
  poll(fd: number, events: number, timeoutMs: number): number;
  ioctl(fd: number, request: number, argument: Buffer): number;
  /** For requests whose argument is a number and no pointer. */
  ioctlValue(fd: number, request: number, value: number): number;
  setns(fd: number, type: number): number;
  unshare(flags: number): number;
  /** Nanoseconds of a clock by its number (CLOCK_REALTIME, …). */
  clock(id: number): bigint;
  /** Sets CLOCK_REALTIME, in ns since 1970. */
  setRealtime(ns: bigint): number;
  /** Pins the calling thread to one CPU, 0..1023. */
  pin(cpu: number): number;
}

/** Most messages of one recvmmsg. */
export const MAX_BATCH = 64;

export const AF = { UNSPEC: 0, INET: 2, INET6: 10, NETLINK: 16, PACKET: 17 } as const;
export const SOCK = { DGRAM: 2, RAW: 3, CLOEXEC: 0o2000000, NONBLOCK: 0o4000 } as const;
export const IPPROTO = { UDP: 17, UDPLITE: 136 } as const;
/** include/uapi/linux/time.h */
export const CLOCK = { realtime: 0, monotonic: 1, process: 2, tai: 11 } as const;
export const POLL = { IN: 1, ERR: 8 } as const;
/** include/uapi/linux/sched.h */
export const CLONE_NEWNET = 0x40000000;
/** include/uapi/linux/sockios.h, asm-generic/ioctls.h: FIONREAD is SIOCINQ, TIOCOUTQ is SIOCOUTQ. */
export const IOCTL = { SIOCINQ: 0x541b, SIOCOUTQ: 0x5411, SIOCETHTOOL: 0x8946 } as const;

/** struct sockaddr_storage */
const NAME_BYTES = 128;

/** New buffers for recvmsg. Sizes in bytes. */
export function incomingMessage(data: number, control: number): IncomingMessage {
  const controlMemory = new ArrayBuffer(align8(control));
  const nameMemory = new ArrayBuffer(NAME_BYTES);
  return {
    // Not cleared: only what the kernel wrote is read, and clearing megabytes takes an emulated guest a while.
    data: Buffer.allocUnsafeSlow(data),
    control: Buffer.from(controlMemory, 0, control),
    controlWords: new Uint32Array(controlMemory),
    name: Buffer.from(nameMemory),
    nameWords: new Uint32Array(nameMemory),
    dataRoom: data,
    controlRoom: control,
    nameLength: 0,
    controlLength: 0,
    flags: 0,
  };
}
