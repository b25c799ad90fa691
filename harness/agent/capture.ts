/**
 * Captures what passes a device: AF_PACKET with a virtio-net header before each frame, so that a GSO packet that passes
 * unsegmented is seen as such. include/uapi/linux/if_packet.h.
 */
import { close as closeFile } from 'node:fs';
import { release } from 'node:os';
import type { CapturedFrame } from '../contract/evidence.ts';
import { VNET_SIZE } from '../wire/vnet.ts';
import type { Stamp } from './auxdata.ts';
import { caseFrame } from './case-frame.ts';
import type { Frame } from './case-frame.ts';
import type { Cursor, Ledger } from './explain.ts';
import { SystemError } from './namespaces.ts';
import { AF, SOCK, incomingMessage } from './sys.ts';
import type { IncomingMessage, SystemCalls } from './sys.ts';

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SO_TIMESTAMPNS = 35;
const SOL_PACKET = 263;
const PACKET = { STATISTICS: 6, AUXDATA: 8, VNET_HDR: 15 } as const;
const ETH_P_ALL = 3;
const SOCKADDR_LL = 20;
const PKTTYPE = 10;
const PACKET_OUTGOING = 4;
const DONTWAIT = 0x40;
const EAGAIN = 11;
const EINVAL = 22;
/** Room for 300 of the largest packets. */
const QUEUE_BYTES = 64 * 1024 * 1024;
/** The largest frame plus header; BIG TCP aside, which is not UDP. */
const FRAME_BYTES = 65536 + 256;
const CONTROL_BYTES = 256;

/**
 * Before 6.2 (860b7f27b8f7) the kernel cannot put UDP GSO into a virtio-net header and loses the packet (EINVAL): then a
 * second socket without the header takes the place of what was lost.
 */
const LOSES_GSO = olderThan(6, 2);
const BATCH = 32;

export class Capture {
  readonly #sys: SystemCalls;
  /** Frames with a virtio-net header. */
  readonly #fd: number;
  /** The same frames without that header, where the kernel {@link LOSES_GSO}. */
  readonly #plain: number | undefined;
  readonly #loopback: boolean;
  #batch: readonly IncomingMessage[] = [];
  #lengths: number[] = [];
  #at = 0;
  /** How many are asked for next: one where nothing is expected any more. */
  #ask = 1;
  #cursor: Cursor = { index: 0, at: 0 };
  /** UDP port, either end. */
  #port = 0;

  constructor(sys: SystemCalls, device: { index: number; loopback: boolean }) {
    this.#sys = sys;
    this.#loopback = device.loopback;
    this.#fd = open(sys, device.index, PACKET.VNET_HDR);
    if (LOSES_GSO) this.#plain = open(sys, device.index, PACKET.AUXDATA);
  }

  /** Forgets what was captured so far and takes UDP packets from or to `port` from now on. */
  start(port: number): void {
    this.#port = port;
    this.#cursor = { index: 0, at: 0 };
    while (this.#frame());
    this.drops();
    this.#ask = BATCH;
  }

  /** Everything since the start or the last call. */
  frames(ledger: Ledger, origin: Stamp | null): CapturedFrame[] {
    const frames: CapturedFrame[] = [];
    for (let frame = this.#frame(); frame; frame = this.#frame()) {
      // A packet on lo passes twice, out and in: once is enough.
      if (this.#loopback && !frame.outgoing) continue;
      const captured = caseFrame(frame, this.#port, ledger, this.#cursor, origin);
      if (captured) frames.push(captured);
    }
    return frames;
  }

  /** Packets the kernel dropped because nobody read them in time, since the last call. */
  drops(): number {
    return this.#sockets().reduce((sum, fd) => sum + statistics(this.#sys, fd), 0);
  }

  #frame(): Frame | undefined {
    if (this.#plain !== undefined) return this.#oneOfTwo(this.#plain);
    if (this.#at >= this.#lengths.length) {
      const lengths: number[] = [];
      const batch = buffers(this.#ask);
      const got = this.#sys.recvmmsg(this.#fd, batch, DONTWAIT, lengths);
      if (got === -EAGAIN) return undefined;
      if (got < 0) throw new SystemError('recvmmsg(AF_PACKET)', got);
      this.#ask = got === this.#ask ? BATCH : 1;
      this.#batch = batch;
      this.#lengths = lengths;
      this.#at = 0;
    }
    const message = this.#batch[this.#at];
    const length = this.#lengths[this.#at++];
    return message && length !== undefined ? withHeader(message, length) : undefined;
  }

  /** From the socket with the header if the kernel could put it there, from the other one if not. */
  #oneOfTwo(plain: number): Frame | undefined {
    const [message, other] = buffers(2);
    if (!message || !other) return undefined;
    const got = this.#sys.recvmsg(this.#fd, message, DONTWAIT);
    if (got === -EAGAIN) return undefined;
    if (got < 0 && got !== -EINVAL) throw new SystemError('recvmsg(AF_PACKET)', got);
    const copy = this.#sys.recvmsg(plain, other, DONTWAIT);
    if (got >= 0) return withHeader(message, got);
    if (copy < 0) throw new SystemError('recvmsg(AF_PACKET)', copy);
    return withoutHeader(other, copy);
  }

  #sockets(): number[] {
    return this.#plain === undefined ? [this.#fd] : [this.#fd, this.#plain];
  }

  /** On another thread, where nobody waits for the grace period; for a namespace in which nothing happens any more. */
  closeInBackground(): void {
    for (const fd of this.#sockets()) closeFile(fd, () => undefined);
  }

  close(): void {
    for (const fd of this.#sockets()) this.#sys.close(fd);
  }
}

/** Buffers for so many frames, the same for every capture: frames are looked at before the next are read. */
const pool: IncomingMessage[] = [];

function buffers(count: number): IncomingMessage[] {
  while (pool.length < count) pool.push(incomingMessage(FRAME_BYTES, CONTROL_BYTES));
  return pool.slice(0, count);
}

function withHeader(message: IncomingMessage, length: number): Frame {
  if (length < VNET_SIZE) throw new Error(`a captured packet has ${length} bytes, fewer than its own header`);
  return { message, link: VNET_SIZE, end: length, outgoing: isOutgoing(message) };
}

function withoutHeader(message: IncomingMessage, length: number): Frame {
  return { message, link: 0, end: length, outgoing: isOutgoing(message) };
}

function isOutgoing({ name }: IncomingMessage): boolean {
  return name[PKTTYPE] === PACKET_OUTGOING;
}

function olderThan(major: number, minor: number): boolean {
  const [has = 0, with_ = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  return has < major || (has === major && with_ < minor);
}

function open(sys: SystemCalls, index: number, header: number): number {
  // Protocol 0 until it is bound: nothing of other devices gets in.
  const fd = sys.socket(AF.PACKET, SOCK.RAW | SOCK.CLOEXEC, 0);
  if (fd < 0) throw new SystemError('socket(AF_PACKET)', fd);
  const set = (level: number, option: number, value: number): number => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return sys.setsockopt(fd, level, option, bytes, 4);
  };
  if (set(SOL_SOCKET, SO_RCVBUFFORCE, QUEUE_BYTES) < 0) set(SOL_SOCKET, SO_RCVBUF, QUEUE_BYTES);
  // Auxdata always: a VLAN tag is taken out of the frame before a capture sees it (skb_vlan_untag()).
  set(SOL_PACKET, PACKET.AUXDATA, 1);
  set(SOL_SOCKET, SO_TIMESTAMPNS, 1);
  const ret = set(SOL_PACKET, header, 1);
  const name = Buffer.alloc(SOCKADDR_LL);
  name.writeUInt16LE(AF.PACKET, 0);
  name.writeUInt16BE(ETH_P_ALL, 2);
  name.writeInt32LE(index, 4);
  const bound = ret < 0 ? ret : sys.bind(fd, name);
  if (bound >= 0) return fd;
  sys.close(fd);
  throw new SystemError('cannot capture', bound);
}

/** struct tpacket_stats: packets, drops; reading sets both to 0. */
function statistics(sys: SystemCalls, fd: number): number {
  const into = Buffer.alloc(8);
  const { ret } = sys.getsockopt(fd, SOL_PACKET, PACKET.STATISTICS, into, into.length);
  if (ret < 0) throw new SystemError('getsockopt(PACKET_STATISTICS)', ret);
  return into.readUInt32LE(4);
}
