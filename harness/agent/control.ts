/** Control messages in memory: struct cmsghdr, then data, each aligned to 8 bytes. */
import { flagNames } from '../abi/flags.ts';
import { levelName } from '../abi/levels.ts';
import { optionName, resolveOption } from '../abi/options.ts';
import type { ReceivedControl } from '../contract/evidence.ts';
import type { ControlMessage } from '../contract/program.ts';
import { CLOCK } from './sys.ts';
import { CMSGHDR, align8 } from './layout.ts';

/** Reads a clock, by its number, in ns. */
export type Now = (clock: number) => bigint;
const noClock: Now = () => {
  throw new RangeError('a launch time needs a clock');
};

/** The control buffer of a send, or null when there is nothing to say. */
export function encodeControl(messages: readonly ControlMessage[], now: Now = noClock): Buffer | null {
  if (messages.length === 0) return null;
  return Buffer.concat(messages.map((message) => encodeOne(message, now)));
}

function encodeOne(message: ControlMessage, now: Now): Buffer {
  const data = encodeValue(message.value, now);
  const bytes = Buffer.alloc(align8(CMSGHDR.size + data.length));
  const { level, number } = resolveOption(message.level, message.type);
  bytes.writeBigUInt64LE(BigInt(message.length ?? CMSGHDR.size + data.length), CMSGHDR.length);
  bytes.writeInt32LE(level, CMSGHDR.level);
  bytes.writeInt32LE(number, CMSGHDR.type);
  data.copy(bytes, CMSGHDR.size);
  return bytes;
}

function encodeValue(value: ControlMessage['value'], now: Now): Buffer {
  if ('hex' in value) return Buffer.from(value.hex, 'hex');
  const bytes = Buffer.alloc(8);
  if ('txtime' in value) {
    bytes.writeBigInt64LE(now(CLOCK[value.txtime.clock]) + BigInt(value.txtime.delta));
    return bytes;
  }
  if ('u64' in value) {
    bytes.writeBigUInt64LE(BigInt(value.u64));
    return bytes;
  }
  if ('u8' in value) return bytes.subarray(0, bytes.writeUInt8(value.u8));
  if ('u16' in value) return bytes.subarray(0, bytes.writeUInt16LE(value.u16));
  return bytes.subarray(0, bytes.writeInt32LE(value.int));
}

/** What a receive brought; stops at the first header that does not fit. */
export function decodeControl(bytes: Buffer): ReceivedControl[] {
  const messages: ReceivedControl[] = [];
  let at = 0;
  while (at + CMSGHDR.size <= bytes.length) {
    const length = bytes.readUInt32LE(at + CMSGHDR.length);
    if (length < CMSGHDR.size || at + length > bytes.length) break;
    const data = bytes.subarray(at + CMSGHDR.size, at + length);
    const level = bytes.readInt32LE(at + CMSGHDR.level);
    messages.push({
      level: levelName(level),
      type: optionName(level, bytes.readInt32LE(at + CMSGHDR.type)),
      length: data.length,
      hex: data.toString('hex'),
      ...(data.length === 4 ? { int: data.readInt32LE() } : {}),
    });
    at += align8(length);
  }
  return messages;
}

/** `[UDP_SEGMENT 1472]`; the width is named where it is not the usual one, cmsg_len where it was set on purpose. */
export function describeControl(messages: readonly ControlMessage[]): string {
  const items = messages.map(({ type, value, length }) => {
    const [width = '', number] = Object.entries(value)[0] ?? [];
    if ('txtime' in value) return `${type} ${value.txtime.clock} now${signed(value.txtime.delta)} ns`;
    const usual = type === 'UDP_SEGMENT' ? 'u16' : 'int';
    const given = length === undefined ? '' : ` cmsg_len=${length}`;
    return `${type} ${width === usual ? '' : `(${width})`}${String(number)}${given}`;
  });
  return `[${items.join(', ')}]`;
}

/** As {@link describeControl}, for what was received. */
export function describeReceived(messages: readonly ReceivedControl[]): string {
  return `[${messages.map(({ type, int, hex }) => `${type} ${int ?? `0x${hex}`}`).join(', ')}]`;
}

/** `MSG_DONTWAIT|MSG_PEEK`, or `0`. */
export function describeFlags(bits: number): string {
  return flagNames(bits).join('|') || '0';
}

function signed(value: number): string {
  return value < 0 ? String(value) : `+${value}`;
}
