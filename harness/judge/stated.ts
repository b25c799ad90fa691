/** The header fields a case states of its packets, held against those seen. */
import type { Packet } from '../contract/evidence.ts';
import type { ExpectedPacket } from '../contract/expectation.ts';
import { observe } from '../model/observe.ts';
import { decode } from '../wire/decode.ts';

type Fields = Omit<ExpectedPacket, 'payload' | 'afterMs'>;

/** As reports name them: the words of model/compare.ts. */
const NAMES: Readonly<Record<keyof Fields, string>> = {
  gso: 'gso',
  gsoSize: 'segment size',
  checksum: 'checksum',
  ipLength: 'IP length',
  udpLength: 'UDP length',
  outerChecksum: 'outer checksum',
  outerIpLength: 'outer IP length',
  outerUdpLength: 'outer UDP length',
  outerTtl: 'outer TTL or hop limit',
  outerTos: 'outer TOS or traffic class',
  outerDf: 'outer DF',
  ttl: 'TTL or hop limit',
  tos: 'TOS or traffic class',
  df: 'DF',
  priority: 'VLAN priority',
};

/** The first packet with a field that is not as stated, both sides in one notation; null: there is none. */
export function misstated(
  expected: readonly ExpectedPacket[],
  seen: readonly Packet[],
): { expected: string; actual: string } | null {
  for (const [i, want] of expected.entries()) {
    const got = seen[i];
    if (!got) return null;
    const keys = (Object.keys(NAMES) as (keyof Fields)[]).filter(
      (key) => want[key] !== undefined && seenOf(got, key) !== want[key] && !untold(key, got),
    );
    if (keys.length === 0) continue;
    const show = (value: (key: keyof Fields) => unknown): string =>
      `${i}: ${keys.map((key) => `${NAMES[key]} ${String(value(key))}`).join(', ')}`;
    return { expected: show((key) => want[key]), actual: show((key) => seenOf(got, key)) };
  }
  return null;
}

function seenOf(packet: Packet, key: keyof Fields): unknown {
  if (key === 'priority') return tagPriority(packet.head);
  if (key === 'outerTtl') return observe(packet.head).outer?.ttl;
  if (key === 'outerTos') return observe(packet.head).outer?.tos;
  if (key === 'outerDf') return observe(packet.head).outer?.df;
  return packet[key];
}

/** 0 where there is no VLAN tag. */
function tagPriority(head: string): number {
  const tag = decode(Buffer.from(head, 'hex')).layers.find(({ layer }) => layer === 'vlan');
  return tag?.layer === 'vlan' ? tag.priority : 0;
}

/** True when old kernels cannot tell a capture what is asked. */
function untold(key: keyof Fields, packet: Packet): boolean {
  return key === 'gsoSize' && packet.gso !== 'none' && packet.gsoSize === 0;
}
