/** Netlink messages and attributes in memory: include/uapi/linux/netlink.h. Everything is aligned to 4 bytes. */

export const NLM_F = { REQUEST: 1, ACK: 4, REPLACE: 0x100, EXCL: 0x200, CREATE: 0x400 } as const;
export const NLMSG = { ERROR: 2 } as const;
export const HEADER_SIZE = 16;
const CAPPED = 0x100;
const ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;
const ATTRIBUTE_MASK = 0x3fff;
const NESTED = 0x8000;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Buffer;
}

const align4 = (length: number): number => (length + 3) & ~3;

/** One attribute. A number becomes 4 bytes in native order, text gets a closing 0. */
export function attribute(type: number, value: Buffer | number | string): Buffer {
  const data = typeof value === 'number' ? uint32(value) : text(value);
  const bytes = Buffer.alloc(align4(4 + data.length));
  bytes.writeUInt16LE(4 + data.length, 0);
  bytes.writeUInt16LE(type, 2);
  data.copy(bytes, 4);
  return bytes;
}

/** An attribute that holds attributes. */
export function nested(type: number, ...inner: readonly Buffer[]): Buffer {
  return attribute(type | NESTED, Buffer.concat(inner));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function text(value: Buffer | string): Buffer {
  return typeof value === 'string' ? Buffer.from(`${value}\0`) : value;
}

/** A whole message, length filled in. */
export function message(type: number, flags: number, sequence: number, body: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  header.writeUInt32LE(HEADER_SIZE + body.reduce((sum, part) => sum + part.length, 0), 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt32LE(sequence, 8);
  return Buffer.concat([header, ...body]);
}

/** The messages of one datagram; ends at the first length that does not fit. */
export function parseMessages(bytes: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  let at = 0;
  while (at + HEADER_SIZE <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER_SIZE || at + length > bytes.length) break;
    messages.push({
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      body: bytes.subarray(at + HEADER_SIZE, at + length),
    });
    at += align4(length);
  }
  return messages;
}

/** Attributes by type, without the nested flag; the last of a kind wins. `wanted`: of these types only. */
export function parseAttributes(bytes: Buffer, wanted?: readonly number[]): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  let at = 0;
  while (at + 4 <= bytes.length) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) break;
    const type = bytes.readUInt16LE(at + 2) & ATTRIBUTE_MASK;
    if (wanted?.includes(type) !== false) attributes.set(type, bytes.subarray(at + 4, at + length));
    at += align4(length);
  }
  return attributes;
}

/** Of an NLMSG_ERROR: 0 or minus the errno, and the kernel's own words (extended ack, 4.12 on) if there are any. */
export function parseError(reply: NetlinkMessage): { ret: number; words: string } {
  const { body, flags } = reply;
  if (body.length < 4) return { ret: -71, words: 'reply too short' };
  const ret = body.readInt32LE(0);
  if ((flags & ACK_TLVS) === 0 || body.length < 4 + HEADER_SIZE) return { ret, words: '' };
  // After the error comes the request: only its header when capped, else all of it.
  const echoed = flags & CAPPED ? HEADER_SIZE : align4(body.readUInt32LE(4));
  const words = parseAttributes(body.subarray(4 + echoed)).get(NLMSGERR_ATTR_MSG);
  return { ret, words: words?.toString('utf8').replace(/\0.*$/su, '') ?? '' };
}
