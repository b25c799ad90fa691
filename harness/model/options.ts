/** IPv4 options: as they leave a host that sends them, and what of them is in each fragment. RFC 791, net/ipv4/ip_options.c. */
import { parseAddress } from '../wire/address.ts';
import { Refused, Underivable } from './signals.ts';

const END = 0;
const NOP = 1;
const RECORD_ROUTE = 7;
/** Set: the option is in all fragments. */
const COPIED = 0x80;
/** RFC 4727: for experiments, so that nobody knows anything of what is in them. */
const EXPERIMENTAL = [30, 94, 158, 222];
const ROUTER_ALERT = 148;
/** Type, length, pointer. */
const RECORD_HEADER = 3;
const ADDRESS = 4;

interface Option {
  /** Of its type, in all the options. */
  readonly at: number;
  readonly type: number;
  readonly length: number;
}

/** Up to END. @throws Refused for a length that leads out of them */
function optionsOf(bytes: Buffer): Option[] {
  const list: Option[] = [];
  for (let at = 0; at < bytes.length;) {
    const type = bytes.readUInt8(at);
    if (type === END) break;
    const length = type === NOP ? 1 : (bytes[at + 1] ?? 0);
    if (type !== NOP && (length < 2 || at + length > bytes.length)) throw new Refused('EINVAL');
    list.push({ at, type, length });
    at += length;
  }
  return list;
}

/**
 * ip_options_get(), __ip_options_compile(): filled up with END, and the way it takes begun with the address it comes from. Those
 * that a host fills in with a time or that change the destination have no rule here. @throws Underivable
 */
export function asSent(given: Buffer, source: string): Buffer {
  const bytes = Buffer.concat([given, Buffer.alloc(-given.length & 3)]);
  const options = optionsOf(bytes);
  bytes.fill(
    END,
    options.reduce((end, { at, length }) => Math.max(end, at + length), 0),
  );
  for (const { at, type, length } of options) {
    if (type === NOP || type === ROUTER_ALERT || EXPERIMENTAL.includes(type)) continue;
    if (type !== RECORD_ROUTE) throw new Underivable(`there is no rule for IPv4 option ${type}`);
    const pointer = bytes.readUInt8(at + 2);
    // What is full stays as it is.
    if (pointer > length) continue;
    parseAddress(source)?.copy(bytes, at + pointer - 1, 0, ADDRESS);
    bytes.writeUInt8(pointer + ADDRESS, at + RECORD_HEADER - 1);
  }
  return bytes;
}

/** ip_options_fragment(): in the place of those that are not copied there is padding. `options`: as hex. */
export function inLaterFragments(options: string): string {
  const bytes = Buffer.from(options, 'hex');
  for (const { at, type, length } of optionsOf(bytes))
    if ((type & COPIED) === 0) bytes.fill(NOP, at, at + length);
  return bytes.toString('hex');
}
