/** IP addresses as text and as bytes. */
import { isIPv4, isIPv6 } from 'node:net';

/** The same few addresses are read and written for every packet. */
const MOST_KNOWN = 1000;
const parsed = new Map<string, Buffer | undefined>();

/** 4 or 16 bytes in network order, which nobody may write to; undefined when the text is no address. */
export function parseAddress(text: string): Buffer | undefined {
  if (parsed.has(text)) return parsed.get(text);
  const bytes = parse(text);
  if (parsed.size < MOST_KNOWN) parsed.set(text, bytes);
  return bytes;
}

function parse(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = text.split('::');
  const front = groups(head);
  if (tail === undefined) return Buffer.from(front);
  const back = groups(tail);
  return Buffer.from([...front, ...new Array<number>(16 - front.length - back.length).fill(0), ...back]);
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

const written = new Map<string, string>();

/** `10.0.0.1` or, by RFC 5952, `fd00::1`. 4 or 16 bytes. */
export function formatAddress(bytes: Buffer): string {
  const key = bytes.toString('latin1');
  let text = written.get(key);
  if (text === undefined) {
    text = write(bytes);
    if (written.size < MOST_KNOWN) written.set(key, text);
  }
  return text;
}

function write(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2));
  // ::ffff:a.b.c.d, an IPv4 address on an IPv6 socket
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff)
    return `::ffff:${bytes.subarray(12).join('.')}`;
  const [start, length] = longestZeros(words);
  const hex = words.map((word) => word.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeros(words: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  let start = 0;
  for (let index = 0; index <= words.length; index++) {
    if (index < words.length && words[index] === 0) continue;
    if (index - start > best[1]) best = [start, index - start];
    start = index + 1;
  }
  return best;
}

/** `10.0.0.1:9000` or `[fd00::1]:9000`. */
export function formatEndpoint(address: Buffer, port: number): string {
  const text = formatAddress(address);
  return address.length === 4 ? `${text}:${port}` : `[${text}]:${port}`;
}
