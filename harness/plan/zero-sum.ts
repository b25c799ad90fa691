/** The source port by which a UDP checksum comes to 0, the one value that is not sent as it is (RFC 768: as 0xffff). */
import type { Endpoint } from '../contract/program.ts';
import { parseAddress } from '../wire/address.ts';
import { fold, sum16 } from '../wire/checksum.ts';
import { UDP_PROTOCOL } from '../wire/udp.ts';

const HEADER = 8;

/** For a datagram with these bytes. 1..65535. */
export function zeroSumPort(data: Buffer, from: Endpoint, to: Endpoint): number {
  const addresses = [from, to].map(({ address }) => parseAddress(address) ?? Buffer.alloc(0));
  const bytes = Buffer.concat([...addresses, data]);
  // Pseudo header and header: the protocol, the length twice, the destination port.
  const rest = fold(sum16(bytes, 0, bytes.length) + UDP_PROTOCOL + 2 * (HEADER + data.length) + to.port);
  const port = 0xffff - rest;
  // In ones' complement both are zero.
  return port === 0 ? 0xffff : port;
}
