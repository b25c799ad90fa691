/** struct sockaddr_in and sockaddr_in6: include/uapi/linux/in.h, in6.h. */
import type { Endpoint } from '../contract/program.ts';
import { formatEndpoint, parseAddress } from '../wire/address.ts';
import { AF } from './sys.ts';

const IN_SIZE = 16;
const IN6_SIZE = 28;

/** The same few endpoints come in every case. Nobody writes to an encoded name. */
const encoded = new Map<string, Buffer>();
const MAX_ENCODED = 256;

/** The family is that of the literal, not of the socket, so that cases can hand over the wrong one. */
export function encodeSockaddr(endpoint: Endpoint): Buffer {
  const key = `${endpoint.address} ${endpoint.port} ${endpoint.flowinfo ?? 0}`;
  const known = encoded.get(key);
  if (known) return known;
  if (encoded.size >= MAX_ENCODED) encoded.clear();
  const bytes = encode(endpoint);
  encoded.set(key, bytes);
  return bytes;
}

function encode(endpoint: Endpoint): Buffer {
  const address = parseAddress(endpoint.address);
  if (!address) throw new RangeError(`${endpoint.address} is no IP address`);
  if (!Number.isInteger(endpoint.port) || endpoint.port < 0 || endpoint.port > 65535)
    throw new RangeError(`${endpoint.port} is no port`);
  const v4 = address.length === 4;
  const bytes = Buffer.alloc(v4 ? IN_SIZE : IN6_SIZE);
  bytes.writeUInt16LE(v4 ? AF.INET : AF.INET6, 0);
  bytes.writeUInt16BE(endpoint.port, 2);
  address.copy(bytes, v4 ? 4 : 8);
  if (!v4) bytes.writeUInt32BE(endpoint.flowinfo ?? 0, 4);
  return bytes;
}

/** AF_UNSPEC: connect(2) with it dissolves an association. */
export function unspecSockaddr(): Buffer {
  return Buffer.alloc(IN_SIZE);
}

/** Address bytes and port; undefined for other families or a short structure. */
export function decodeSockaddr(bytes: Buffer): { address: Buffer; port: number } | undefined {
  if (bytes.length < IN_SIZE) return undefined;
  const family = bytes.readUInt16LE(0);
  const port = bytes.readUInt16BE(2);
  if (family === AF.INET) return { address: bytes.subarray(4, 8), port };
  if (family !== AF.INET6 || bytes.length < IN6_SIZE) return undefined;
  return { address: bytes.subarray(8, 24), port };
}

const texts = new WeakMap<Buffer, string>();

/** {@link formatSockaddr} of a buffer that {@link encodeSockaddr} made: worked out once. */
export function encodedText(name: Buffer): string {
  const known = texts.get(name);
  if (known !== undefined) return known;
  const text = formatSockaddr(name);
  texts.set(name, text);
  return text;
}

/** `10.0.0.1:9000`; `none` without a name, `AF_UNSPEC`, or the family's number where it is not an IP one. */
export function formatSockaddr(bytes: Buffer): string {
  if (bytes.length < 2) return 'none';
  // The usual case, without a detour: every receive goes through here.
  if (bytes[0] === AF.INET && bytes[1] === 0 && bytes.length >= IN_SIZE)
    return `${bytes.readUInt8(4)}.${bytes.readUInt8(5)}.${bytes.readUInt8(6)}.${bytes.readUInt8(7)}:${bytes.readUInt16BE(2)}`;
  const decoded = decodeSockaddr(bytes);
  if (decoded) return formatEndpoint(decoded.address, decoded.port);
  const family = bytes.readUInt16LE(0);
  return family === AF.UNSPEC ? 'AF_UNSPEC' : `family ${family}`;
}

/** Port of a sockaddr_in or sockaddr_in6; -1 when there is none. */
export function portOf(bytes: Buffer): number {
  return bytes.length < IN_SIZE ? -1 : bytes.readUInt16BE(2);
}
