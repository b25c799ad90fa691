/** Option values, control messages and iovecs as the agent wants them. */
import type { ControlMessage, OptionValue } from '../contract/program.ts';
import { SOCKET_OPTIONS } from '../abi/options.ts';
import type { OptionValueYaml } from '../load/schema/common.ts';
import type { ControlItem } from '../load/schema/message.ts';
import type { Size } from '../load/schema/common.ts';
import type { Path } from '../load/yaml-file.ts';
import type { Scope } from './scope.ts';

/** Of a launch time. */
const MAX_DELTA_MS = 60_000;
const INT = [-(2 ** 31), 2 ** 32 - 1] as const;
/** Longest message tried: past any limit of UDP, small enough to build thousands of cases. */
export const MAX_MESSAGE = 1_000_000;

/** Level an option belongs to, `SOL_SOCKET` for numbers nobody has named. */
export function levelOf(option: string): string {
  return SOCKET_OPTIONS.get(option)?.level ?? 'SOL_SOCKET';
}

export function optionValue(option: string, value: OptionValueYaml, path: Path, scope: Scope): OptionValue {
  if (value === null) return { null: true };
  if (typeof value === 'object') return { hex: hexDigits(value.hex, path, scope) };
  const known = SOCKET_OPTIONS.get(option);
  const word = typeof value === 'string' && value.startsWith('$') ? scope.word(value, path) : value;
  const named = typeof word === 'string' ? known?.values?.[word] : undefined;
  if (named !== undefined) return { int: named };
  if (known?.encoding === 'string')
    return { hex: Buffer.from(`${scope.word(String(value), path)}\0`).toString('hex') };
  const int = scope.int(
    value,
    path,
    known?.encoding === 'u64' ? Number.MIN_SAFE_INTEGER : INT[0],
    known?.encoding === 'u64' ? Number.MAX_SAFE_INTEGER : INT[1],
  );
  if (known?.encoding === 'u64') return { hex: u64(int) };
  // struct timeval of two 64-bit numbers, written in ms.
  if (known?.encoding === 'timeval') return { hex: u64(Math.trunc(int / 1000)) + u64((int % 1000) * 1000) };
  return { int };
}

/** Pairs of hex digits, written here or the value of an axis. */
function hexDigits(text: string, path: Path, scope: Scope): string {
  const digits = scope.word(text, path);
  if (/^(?:[0-9a-f]{2})*$/iu.test(digits)) return digits.toLowerCase();
  return scope.fail(path, `${text} is ${JSON.stringify(digits)}`, { expected: 'pairs of hex digits' });
}

/** 8 bytes in little-endian order, which all supported machines have. */
function u64(value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes.toString('hex');
}

/** The low `length` bytes of an int in little-endian order, as hex. */
export function intBytes(value: number, length: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0);
  return bytes.subarray(0, length).toString('hex');
}

export function controlMessage(item: ControlItem, path: Path, scope: Scope): ControlMessage {
  const type = typeof item.type === 'number' ? String(item.type) : scope.word(item.type, [...path, 'type']);
  const level =
    item.level === undefined
      ? (SOCKET_OPTIONS.get(type)?.level ?? 'SOL_UDP')
      : scope.word(item.level, [...path, 'level']);
  const length =
    item.length === undefined ? {} : { length: scope.int(item.length, [...path, 'length'], ...INT) };
  return { level, type, value: controlValue(item, path, scope), ...length };
}

function controlValue(item: ControlItem, path: Path, scope: Scope): ControlMessage['value'] {
  const int = (value: Size, key: string, least: number, most: number): number =>
    scope.int(value, [...path, key], least, most);
  if (item.u8 !== undefined) return { u8: int(item.u8, 'u8', 0, 0xff) };
  if (item.u16 !== undefined) return { u16: int(item.u16, 'u16', 0, 0xffff) };
  if (item.int !== undefined) return { int: int(item.int, 'int', ...INT) };
  if (item.txtime) {
    const ms = scope.int(item.txtime.delta, [...path, 'txtime', 'delta'], -MAX_DELTA_MS, MAX_DELTA_MS);
    return { txtime: { clock: item.txtime.clock, delta: ms * 1_000_000 } };
  }
  if (item.u64 !== undefined) return { u64: String(int(item.u64, 'u64', 0, Number.MAX_SAFE_INTEGER)) };
  return { hex: hexDigits(item.hex ?? '', [...path, 'hex'], scope) };
}

/** The segment size as a control message: UDP_SEGMENT carries a u16. */
export function segmentControl(gso: number): ControlMessage {
  return { level: 'SOL_UDP', type: 'UDP_SEGMENT', value: { u16: gso } };
}

/** Lengths of the iovecs of a message. */
export function iovecs(
  message: { readonly bytes?: Size | undefined; readonly iov?: readonly Size[] | undefined },
  path: Path,
  scope: Scope,
): number[] {
  if (message.iov) {
    const lengths = message.iov.map((size, i) => scope.int(size, [...path, 'iov', i], 0, MAX_MESSAGE));
    if (sum(lengths) > MAX_MESSAGE) scope.fail([...path, 'iov'], `more than ${MAX_MESSAGE} bytes`);
    return lengths;
  }
  return message.bytes === undefined ? [0] : [scope.int(message.bytes, [...path, 'bytes'], 0, MAX_MESSAGE)];
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
