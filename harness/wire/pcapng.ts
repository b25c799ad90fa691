/**
 * Writes captures in pcapng (draft-ietf-opsawg-pcapng), which Wireshark, tshark and tcpdump open. Pure: it produces bytes,
 * and whoever calls it stores them.
 */
import { option, optionList, padded, textOption, timestamp, u64Option } from './pcapng-options.ts';

const BLOCK = { SECTION: 0x0a0d0d0a, INTERFACE: 1, STATISTICS: 5, PACKET: 6 } as const;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** Section length not known beforehand. */
const UNKNOWN_LENGTH = 0xffffffffffffffffn;
const COMMENT = 1;
const SECTION = { HARDWARE: 2, OS: 3, APPLICATION: 4 } as const;
const INTERFACE = { NAME: 2, DESCRIPTION: 3, RESOLUTION: 9 } as const;
/** Times count in 10^-9 s. */
const NANOSECONDS = 9;
const PACKET_FLAGS = 2;
const DIRECTION = { in: 1, out: 2 } as const;
const STATISTICS = { RECEIVED: 4, DROPPED: 7 } as const;

/** LINKTYPE_ values, https://www.tcpdump.org/linktypes.html. */
export const LINK_TYPE = { ethernet: 1, raw: 101, ipv4: 228, ipv6: 229 } as const;

/** What the whole capture is about. */
export interface PcapngSection {
  /** The machine, e.g. `x86_64`. */
  readonly hardware: string;
  /** The kernel: `Linux 6.12.95`. */
  readonly os: string;
  /** e.g. `segproof 0.1.0` */
  readonly application: string;
  readonly comments?: readonly string[];
}

/** One observation point. */
export interface PcapngInterface {
  /** e.g. `left/left0` */
  readonly name: string;
  readonly description?: string;
  /** Of {@link LINK_TYPE}, 0..65535; Ethernet by default. */
  readonly linkType?: number;
  /** Most bytes kept of a packet; 0 (default): all. */
  readonly snapLength?: number;
}

export interface PcapngPacket {
  /** As returned by {@link Pcapng.addInterface}. */
  readonly interface: number;
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
  readonly bytes: Buffer;
  /** Bytes it had on the wire when not all were kept. */
  readonly originalLength?: number;
  readonly direction?: 'in' | 'out';
  readonly comments?: readonly string[];
}

/** What a capture's own counters say at its end. */
export interface PcapngStatistics {
  readonly interface: number;
  readonly timeNs: bigint;
  /** Packets that passed the observation point. */
  readonly received: bigint;
  /** Packets lost because the capture was not read in time. */
  readonly dropped: bigint;
}

/** One section of a pcapng file, block by block in the order added. */
export class Pcapng {
  readonly #blocks: Buffer[];
  #interfaces = 0;

  constructor(section: PcapngSection) {
    const head = Buffer.alloc(16);
    head.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
    head.writeUInt16LE(1, 4);
    head.writeBigUInt64LE(UNKNOWN_LENGTH, 8);
    this.#blocks = [
      block(BLOCK.SECTION, head, [
        ...comments(section.comments),
        textOption(SECTION.HARDWARE, section.hardware),
        textOption(SECTION.OS, section.os),
        textOption(SECTION.APPLICATION, section.application),
      ]),
    ];
  }

  /** Describes an observation point; its number is what packets name it by. */
  addInterface({ name, description, linkType, snapLength }: PcapngInterface): number {
    const head = Buffer.alloc(8);
    head.writeUInt16LE(linkType ?? LINK_TYPE.ethernet, 0);
    head.writeUInt32LE(snapLength ?? 0, 4);
    const text = description === undefined ? [] : [textOption(INTERFACE.DESCRIPTION, description)];
    const resolution = option(INTERFACE.RESOLUTION, Buffer.from([NANOSECONDS]));
    this.#blocks.push(block(BLOCK.INTERFACE, head, [textOption(INTERFACE.NAME, name), ...text, resolution]));
    return this.#interfaces++;
  }

  /** @throws RangeError when there is no such interface, or fewer bytes are said to have passed than were kept. */
  addPacket(packet: PcapngPacket): void {
    const { bytes, originalLength = bytes.length } = packet;
    if (originalLength < bytes.length)
      throw new RangeError(`${bytes.length} bytes kept of a packet of ${originalLength}`);
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32LE(bytes.length, 0);
    lengths.writeUInt32LE(originalLength, 4);
    const head = [this.#number(packet.interface), timestamp(packet.timeNs), lengths, padded(bytes)];
    const options = comments(packet.comments);
    if (packet.direction) {
      const flags = Buffer.alloc(4);
      flags.writeUInt32LE(DIRECTION[packet.direction]);
      options.push(option(PACKET_FLAGS, flags));
    }
    this.#blocks.push(block(BLOCK.PACKET, Buffer.concat(head), options));
  }

  addStatistics(statistics: PcapngStatistics): void {
    const head = [this.#number(statistics.interface), timestamp(statistics.timeNs)];
    this.#blocks.push(
      block(BLOCK.STATISTICS, Buffer.concat(head), [
        u64Option(STATISTICS.RECEIVED, statistics.received),
        u64Option(STATISTICS.DROPPED, statistics.dropped),
      ]),
    );
  }

  /** The whole file so far. */
  toBuffer(): Buffer {
    return Buffer.concat(this.#blocks);
  }

  #number(id: number): Buffer {
    if (!Number.isInteger(id) || id < 0 || id >= this.#interfaces)
      throw new RangeError(`the capture has no interface ${id}`);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(id);
    return bytes;
  }
}

function comments(texts: readonly string[] = []): Buffer[] {
  return texts.map((text) => textOption(COMMENT, text));
}

/** Type, length, body, options, and the length again so that files can be read backwards. */
function block(type: number, body: Buffer, options: readonly Buffer[]): Buffer {
  const list = optionList(options);
  const length = 12 + body.length + list.length;
  const bytes = Buffer.alloc(length);
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(length, 4);
  body.copy(bytes, 8);
  list.copy(bytes, 8 + body.length);
  bytes.writeUInt32LE(length, length - 4);
  return bytes;
}
