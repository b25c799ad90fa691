/** UDP checksums of datagrams that were captured in IP fragments: they are over all of them, so that none has one by itself. */
import { payload } from '../agent/payload.ts';
import type { Packet, Run } from '../contract/evidence.ts';
import { observe } from '../model/observe.ts';
import { parseAddress } from '../wire/address.ts';
import { fold, sum16 } from '../wire/checksum.ts';
import { UDP_CHECK, UDP_PROTOCOL } from '../wire/udp.ts';

const UDP_HEADER_HEX = 16;

/** The same packets; the first fragment of each datagram that is there as a whole has its checksum's state. */
export function settleSums(packets: readonly Packet[], seed: number): readonly Packet[] {
  if (!packets.some(({ checksum }) => checksum === 'fragment')) return packets;
  return packets.map((first, i) => {
    if (first.checksum !== 'fragment' || first.udpLength === 0) return first;
    const bytes = wholeDatagram(packets.slice(i), seed);
    return bytes ? { ...first, checksum: verify(first, bytes) } : first;
  });
}

/** From the UDP header on; undefined: some of it is missing. */
function wholeDatagram(list: readonly Packet[], seed: number): Buffer | undefined {
  const [first] = list;
  if (!first) return undefined;
  const { fragmentId, carried } = observe(first.head);
  const parts: Buffer[] = [Buffer.from(first.head.slice(-UDP_HEADER_HEX), 'hex')];
  let at = 0;
  for (const one of list) {
    const { fragmentId: id, fragmentAt, moreFragments } = observe(one.head);
    if (id !== fragmentId || fragmentAt !== at) continue;
    const bytes = one.payload.map((run) => known(run, seed));
    if (bytes.includes(undefined)) return undefined;
    parts.push(...bytes.filter((part) => part !== undefined));
    at = parts.reduce((total, { length }) => total + length, carried);
    if (!moreFragments) return Buffer.concat(parts);
  }
  return undefined;
}

function known(run: Run, seed: number): Buffer | undefined {
  if (!('foreign' in run)) return payload(seed, run.stream, run.at + run.length).subarray(run.at);
  const bytes = Buffer.from(run.foreign, 'hex');
  return bytes.length === run.length ? bytes : undefined;
}

function verify({ from, to }: Packet, bytes: Buffer): Packet['checksum'] {
  if (bytes.readUInt16BE(UDP_CHECK) === 0) return 'zero';
  const addresses = [from, to].map((end) => parseAddress(bare(end)) ?? Buffer.alloc(0));
  const pseudo = addresses.reduce((total, address) => sum16(address, 0, address.length, total), 0);
  return fold(sum16(bytes, 0, bytes.length, pseudo + UDP_PROTOCOL + bytes.length)) === 0xffff
    ? 'good'
    : 'bad';
}

/** Without port and brackets. */
function bare(end: string): string {
  return end.replace(/^\[(.*)\]:\d+$|^([\d.]+):\d+$/u, '$1$2');
}
