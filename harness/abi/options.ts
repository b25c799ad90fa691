/**
 * Socket options and control messages by name. Numbers from include/uapi: asm-generic/socket.h, linux/in.h, linux/in6.h,
 * linux/udp.h, linux/udplite.h. They hold for x86-64 and arm64 (SO_TIMESTAMP and its kind are the 64-bit variants).
 */
import { levelName, levelNumber, literal } from './levels.ts';
import { OPTION_TABLE } from './option-table.ts';
import { PMTUDISC } from './flags.ts';

/**
 * How a value is written: `int` 4 bytes native order;
 * `string` bytes with a closing 0; `bytes` hex only; `timeval` milliseconds as two 64-bit numbers; `u64` 8 bytes.
 */
export type OptionEncoding = 'int' | 'string' | 'bytes' | 'timeval' | 'u64';

export interface SocketOption {
  readonly name: string;
  /** e.g. `SOL_UDP` */
  readonly level: string;
  readonly number: number;
  readonly encoding: OptionEncoding;
  /** Names a case may use in place of numbers. */
  readonly values?: Readonly<Record<string, number>>;
}

function parse(): Map<string, SocketOption> {
  const options = new Map<string, SocketOption>();
  for (const [level, text] of Object.entries(OPTION_TABLE)) {
    for (const item of text.trim().split(/\s+/u)) {
      const [name = '', number, encoding = 'int'] = item.split(/[=:]/u);
      const option = { name, level, number: Number(number), encoding: encoding as OptionEncoding };
      options.set(name, name.endsWith('_MTU_DISCOVER') ? { ...option, values: PMTUDISC } : option);
    }
  }
  return options;
}

/** Every option by name. */
export const SOCKET_OPTIONS: ReadonlyMap<string, SocketOption> = parse();

const byNumber = new Map<string, string>();
for (const option of SOCKET_OPTIONS.values()) {
  const key = `${option.level} ${option.number}`;
  if (!byNumber.has(key)) byNumber.set(key, option.name);
}

/** Number of an option or control message type given by name or as a number; undefined when it is neither. */
export function optionNumber(name: string): number | undefined {
  return SOCKET_OPTIONS.get(name)?.number ?? literal(name);
}

/** Name of option `number` at level `level` (both as numbers); the number as text when it has none. */
export function optionName(level: number, number: number): string {
  return byNumber.get(`${levelName(level)} ${number}`) ?? String(number);
}

/** Both numbers of an option or control message; throws RangeError naming what is unknown. */
export function resolveOption(level: string, name: string): { level: number; number: number } {
  const resolved = levelNumber(level);
  if (resolved === undefined) throw new RangeError(`${level} is no socket option level`);
  const number = optionNumber(name);
  if (number === undefined) throw new RangeError(`${name} is no socket option`);
  return { level: resolved, number };
}
