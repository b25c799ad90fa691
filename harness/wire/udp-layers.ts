/** UDP (RFC 768) and UDP-Lite (RFC 3828) with their checksums. */
import { fold, sum16 } from './checksum.ts';
import type { Cursor, Next } from './cursor.ts';
import type { ChecksumState } from './layers.ts';

const UDP = 17;
const HEADER = 8;

/** Over pseudo header and `[at, end)`; `covered` bytes of it count. */
export function pseudoSum(
  cursor: Cursor,
  protocol: number,
  at: number,
  end: number,
  covered: number,
): number {
  const { around } = cursor;
  if (!around) return 0;
  let sum = sum16(around.source, 0, around.source.length);
  sum = sum16(around.destination, 0, around.destination.length, sum);
  return fold(sum16(cursor.bytes, at, at + covered, sum + protocol + (end - at)));
}

export function decodeUdpLayer(cursor: Cursor, { value: protocol, at, end }: Next): Next | null {
  const name = protocol === UDP ? 'UDP' : 'UDP-Lite';
  if (end - at < HEADER) return cursor.cut(`the ${name} header`);
  const length = cursor.u16(at + 4);
  const there = end - at;
  const checksum = protocol === UDP ? udpState(cursor, at, end) : liteState(cursor, at, end, length);
  const destinationPort = cursor.u16(at + 2);
  const sourcePort = cursor.u16(at);
  cursor.layers.push({
    layer: protocol === UDP ? 'udp' : 'udplite',
    sourcePort,
    destinationPort,
    length,
    checksum,
  });
  if (checksum === 'bad') cursor.find(`the ${name} checksum is wrong`);
  const whole = cursor.around?.fragment === 'none';
  const right = protocol === UDP ? length === there : length === 0 || (length >= HEADER && length <= there);
  // RFC 2675: a UDP length of 0 means "up to the end" in a jumbogram.
  if (whole && !right && !(length === 0 && there > 65535))
    cursor.find(`${name} ${protocol === UDP ? 'length' : 'coverage'} ${length}, ${there} bytes are there`);
  if (!whole) return { kind: 'payload', value: 0, at: at + HEADER, end };
  const port = cursor.ports.has(destinationPort) ? destinationPort : sourcePort;
  return { kind: 'udp-port', value: port, at: at + HEADER, end };
}

function common(cursor: Cursor, at: number): ChecksumState | null {
  if (cursor.partialAt === at + 6) return 'partial';
  if (!cursor.around?.whole || cursor.around.fragment !== 'none') return 'unverifiable';
  return null;
}

function udpState(cursor: Cursor, at: number, end: number): ChecksumState {
  if (cursor.u16(at + 6) === 0) return 'zero';
  return common(cursor, at) ?? (pseudoSum(cursor, UDP, at, end, end - at) === 0xffff ? 'good' : 'bad');
}

/** A coverage of 0 means all of it; a checksum of 0 is not allowed. */
function liteState(cursor: Cursor, at: number, end: number, coverage: number): ChecksumState {
  const early = common(cursor, at);
  if (early) return early;
  const covered = coverage === 0 ? end - at : Math.min(coverage, end - at);
  return cursor.u16(at + 6) !== 0 && pseudoSum(cursor, 136, at, end, covered) === 0xffff ? 'good' : 'bad';
}
