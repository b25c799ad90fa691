/**
 * Captures what passes a device: AF_PACKET with a virtio-net header before each frame, so that a GSO packet that passes
 * unsegmented is seen as such. include/uapi/linux/if_packet.h.
 */
import { close as closeFile } from 'node:fs';
import type { Packet } from '../contract/evidence.ts';
import { formatAddress, formatEndpoint } from '../wire/address.ts';
import { decodeIp } from '../wire/frame.ts';
import { UDP_PROTOCOL, decodeUdp } from '../wire/udp.ts';
import { VNET_SIZE, decodeVnet } from '../wire/vnet.ts';
import type { VnetHeader } from '../wire/vnet.ts';
import { decodeControl } from './control.ts';
import type { Cursor, Ledger } from './explain.ts';
import { SystemError } from './namespaces.ts';
import { isSentinel } from './sentinel.ts';
import { AF, SOCK, incomingMessage } from './sys.ts';
import type { SystemCalls } from './sys.ts';

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
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
const TP_STATUS_CSUMNOTREADY = 8;

interface Frame {
  readonly vnet: VnetHeader;
  readonly bytes: Buffer;
  readonly outgoing: boolean;
}

export class Capture {
  readonly #sys: SystemCalls;
  /** Frames with a virtio-net header. Before 6.2 the kernel cannot put UDP GSO into one and loses the packet (EINVAL). */
  readonly #fd: number;
  /** The same frames without that header: takes the place of those lost. */
  readonly #plain: number;
  readonly #loopback: boolean;
  readonly #buffers = incomingMessage(FRAME_BYTES, 256);
  #cursor: Cursor = { index: 0, at: 0 };
  /** UDP port, either end. */
  #port = 0;

  constructor(sys: SystemCalls, device: { index: number; loopback: boolean }) {
    this.#sys = sys;
    this.#loopback = device.loopback;
    this.#fd = open(sys, device.index, PACKET.VNET_HDR);
    this.#plain = open(sys, device.index, PACKET.AUXDATA);
  }

  /** Forgets what was captured so far and takes UDP packets from or to `port` from now on. */
  start(port: number): void {
    this.#port = port;
    this.#cursor = { index: 0, at: 0 };
    while (this.#frame());
    this.drops();
  }

  /** Everything since the start or the last call. */
  packets(ledger: Ledger): Packet[] {
    const packets: Packet[] = [];
    for (let frame = this.#frame(); frame; frame = this.#frame()) {
      // A packet on lo passes twice, out and in: once is enough.
      if (this.#loopback && !frame.outgoing) continue;
      const packet = this.#packet(frame, ledger);
      if (packet) packets.push(packet);
    }
    return packets;
  }

  /** Packets the kernel dropped because nobody read them in time, since the last call. */
  drops(): number {
    return statistics(this.#sys, this.#fd) + statistics(this.#sys, this.#plain);
  }

  #frame(): Frame | undefined {
    const got = this.#read(this.#fd);
    if (got === -EAGAIN) return undefined;
    if (got >= 0) {
      // Out of the shared buffer before the other socket's copy overwrites it.
      const bytes = Buffer.from(this.#buffers.data.subarray(0, got));
      const outgoing = this.#outgoing();
      this.#read(this.#plain);
      const vnet = decodeVnet(bytes);
      if (!vnet) throw new Error(`a captured packet has ${got} bytes, fewer than its own header`);
      return { vnet, bytes: bytes.subarray(VNET_SIZE), outgoing };
    }
    if (got !== -EINVAL) throw new SystemError('recvmsg(AF_PACKET)', got);
    return this.#withoutHeader();
  }

  /** Only UDP GSO is refused for the header, so that is what it is; the size stays unknown. */
  #withoutHeader(): Frame {
    const got = this.#read(this.#plain);
    if (got < 0) throw new SystemError('recvmsg(AF_PACKET)', got);
    const [aux] = decodeControl(this.#buffers.control.subarray(0, this.#buffers.controlLength));
    const status = aux ? Buffer.from(aux.hex, 'hex').readUInt32LE(0) : 0;
    return {
      vnet: { gso: 'udp-l4', gsoSize: 0, partialChecksum: (status & TP_STATUS_CSUMNOTREADY) !== 0 },
      bytes: Buffer.from(this.#buffers.data.subarray(0, got)),
      outgoing: this.#outgoing(),
    };
  }

  #read(fd: number): number {
    return this.#sys.recvmsg(fd, this.#buffers, DONTWAIT);
  }

  #outgoing(): boolean {
    return this.#buffers.name.readUInt8(PKTTYPE) === PACKET_OUTGOING;
  }

  #packet({ vnet, bytes, outgoing }: Frame, ledger: Ledger): Packet | undefined {
    const ip = decodeIp(bytes);
    if (ip?.protocol !== UDP_PROTOCOL) return undefined;
    const udp = ip.laterFragment ? undefined : decodeUdp(ip);
    // Nobody else sends fragments here; they have no ports to tell them by.
    const ours = udp ? udp.sourcePort === this.#port || udp.destinationPort === this.#port : ip.laterFragment;
    const payload = udp?.payload ?? ip.bytes.subarray(ip.payloadAt);
    if (!ours || isSentinel(payload)) return undefined;
    const fragment = ip.laterFragment || ip.moreFragments;
    const checksum = vnet.partialChecksum ? 'partial' : (udp?.checksum ?? 'fragment');
    return {
      direction: outgoing ? 'out' : 'in',
      ...vnet,
      family: ip.family,
      ipLength: ip.ipLength,
      udpLength: udp?.udpLength ?? 0,
      checksum: fragment ? 'fragment' : checksum,
      payload: ledger.explain(payload, this.#cursor),
      ...(ip.ipId === undefined ? {} : { ipId: ip.ipId }),
      ttl: ip.ttl,
      tos: ip.tos,
      ...(ip.df === undefined ? {} : { df: ip.df }),
      from: udp ? formatEndpoint(ip.source, udp.sourcePort) : formatAddress(ip.source),
      to: udp ? formatEndpoint(ip.destination, udp.destinationPort) : formatAddress(ip.destination),
      head: bytes.toString('hex', 0, payload.byteOffset - bytes.byteOffset),
    };
  }

  /** On another thread, where nobody waits for the grace period; for a namespace in which nothing happens any more. */
  closeInBackground(): void {
    for (const fd of [this.#fd, this.#plain]) closeFile(fd, () => undefined);
  }

  close(): void {
    this.#sys.close(this.#fd);
    this.#sys.close(this.#plain);
  }
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
