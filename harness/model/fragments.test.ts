/** What each fragment of a datagram has of its headers: as the model says it, and a capture in which it is otherwise is refused. */
import t from 'tap';
import { fragmentText } from './observe.ts';
import { asSent, inLaterFragments } from './options.ts';
import { modelled } from './test-support.ts';
import { differences, wrongFields } from './compare.ts';
import type { Packet } from '../contract/evidence.ts';
import { parseAddress } from '../wire/address.ts';
import { ethernet, ip } from '../wire/build.ts';
import { fold, sum16 } from '../wire/checksum.ts';
import type { ModelPacket } from './packets.ts';

const KERNEL = '6.18.9';
const MAC = Buffer.alloc(6, 2);
const UDP_HEADER = 8;
const DESTINATION = 60;
const UDP = 17;

/** As a capture tells of it. `options`, `chain`: in place of what the model has. */
function captured(
  packet: ModelPacket,
  id: number,
  { options = packet.options, chain = packet.extensions, checksum = packet.checksum } = {},
): Packet {
  const { from, to, family, fragment = { offset: 0, more: false }, udpLength } = packet;
  const ends = { from: parseAddress(from.address) ?? MAC, to: parseAddress(to.address) ?? MAC };
  const later = fragment.offset > 0;
  const udp = Buffer.alloc(later ? 0 : UDP_HEADER);
  const words = Buffer.alloc(2);
  let bytes: Buffer;
  if (family === 'ipv4') {
    const header = ip(UDP, ends, Buffer.alloc(0));
    bytes = Buffer.concat([header, Buffer.from(options, 'hex'), udp]);
    bytes.writeUInt8(0x40 + (20 + options.length / 2) / 4, 0);
    bytes.writeUInt16BE(packet.ipLength, 2);
    bytes.writeUInt16BE(id, 4);
    bytes.writeUInt16BE(fragment.offset / 8 + (fragment.more ? 0x2000 : 0), 6);
    bytes.writeUInt16BE(0, 10);
    bytes.writeUInt16BE(~fold(sum16(bytes, 0, 20 + options.length / 2)) & 0xffff, 10);
  } else {
    words.writeUInt16BE(fragment.offset + Number(fragment.more));
    const place = Buffer.concat([Buffer.alloc(1), words, Buffer.alloc(2), Buffer.of(id >> 8, id & 255)]);
    const next = (i: number): number => chain[i]?.header ?? UDP;
    const headers = chain.map(({ header, body }, i) =>
      Buffer.concat([Buffer.of(next(i + 1)), header === 44 ? place : Buffer.from(body, 'hex')]),
    );
    bytes = Buffer.concat([ip(next(0), ends, Buffer.alloc(0)), ...headers, udp]);
    bytes.writeUInt16BE(packet.ipLength - 40, 4);
  }
  if (!later) {
    const at = bytes.length - UDP_HEADER;
    bytes.writeUInt16BE(40000, at);
    bytes.writeUInt16BE(to.port, at + 2);
    bytes.writeUInt16BE(udpLength, at + 4);
  }
  const end = (address: string): string => (address.includes(':') ? `[${address}]` : address);
  const { ttl, tos, df, payload, ipLength, gsoSize } = packet;
  return {
    ...{ direction: 'out', gso: 'none', gsoSize, partialChecksum: false, family, ipLength, udpLength },
    ...{ checksum: later ? 'fragment' : checksum, payload, ttl, tos },
    ...(df === undefined ? {} : { df, ipId: id }),
    from: later ? from.address : `${end(from.address)}:40000`,
    to: later ? to.address : `${end(to.address)}:${to.port}`,
    head: ethernet(MAC, MAC, ends, bytes).toString('hex'),
  };
}

/** `change`: what the packet of that index has in place of what it should. */
function refused(
  packets: readonly ModelPacket[],
  change: (index: number) => Parameters<typeof captured>[2],
): string {
  const seen = packets.map((packet, index) => captured(packet, 7, change(index)));
  const line = differences(packets, seen)?.find((one) => wrongFields(one).length > 0);
  const texts = line ? wrongFields(line).map((one) => `${one.name} ${one.expected}, not ${one.actual}`) : [];
  return line ? `${line.index}: ${texts.join('; ')}` : '';
}

t.test('options that are not copied are padding in later fragments', (t) => {
  const id = 'udp-gso/fragments/options-of-each-ipv4[mtu=1280,off=1,options=1e040102019e0304]';
  const packets = (modelled(id, KERNEL)[0] ?? []).slice(0, 3);
  const padded = '01010101019e0304';
  t.strictSame(
    packets.map(({ options }) => options),
    ['1e040102019e0304', padded, padded],
  );
  t.equal(
    refused(packets, () => undefined),
    '',
  );
  const uncut = refused(packets, (index) => (index === 1 ? { options: '1e040102019e0304' } : undefined));
  t.equal(uncut, `1: IP options ${padded}, not 1e040102019e0304`);
  const lost = refused(packets, (index) => (index === 2 ? { options: '0101010101010101' } : undefined));
  t.equal(lost, `2: IP options ${padded}, not 0101010101010101`);
  t.end();
});

t.test('a route to be recorded begins with the sender; a full one stays as it is', (t) => {
  t.equal(asSent(Buffer.from('07070400000000', 'hex'), '10.0.0.1').toString('hex'), '0707080a00000100');
  t.equal(asSent(Buffer.from('0707080a000009', 'hex'), '10.0.0.1').toString('hex'), '0707080a00000900');
  t.equal(asSent(Buffer.from('0100ff', 'hex'), '10.0.0.1').toString('hex'), '01000000', 'END ends it');
  t.equal(inLaterFragments('0707080a00000100'), '0101010101010100');
  t.equal(inLaterFragments('94040000'), '94040000');
  t.throws(() => asSent(Buffer.from('440c0501', 'hex'), '10.0.0.1'));
  t.end();
});

t.test('the fragment header stands behind what each fragment has', (t) => {
  const hop = 'udp-gso/fragments/headers-of-each-ipv6[mtu=1280,off=0,option=IPV6_HOPOPTS,whole=1]';
  const packets = modelled(hop, KERNEL)[0] ?? [];
  t.equal(packets.length, 2);
  t.equal(
    refused(packets, () => undefined),
    '',
  );
  const chain = [...(packets[1]?.extensions ?? [])];
  const lost = refused(packets, (index) => (index === 1 ? { chain: chain.slice(1) } : undefined));
  t.match(lost, /^1: extension headers 0:00\S* 44:, not 44:$/u);
  const routed = modelled('udp-gso/fragments/routing-header[mtu=1280,off=0]', KERNEL)[0] ?? [];
  t.strictSame(
    routed.map(({ extensions }) => extensions.map(({ header }) => header)),
    [
      [43, 44, DESTINATION],
      [43, 44],
      [43, 44],
    ],
  );
  t.equal(
    refused(routed, () => undefined),
    '',
  );
  const order = [...(routed[0]?.extensions ?? [])];
  const swapped = [order[0], order[2], order[1]].filter((one) => one !== undefined);
  const moved = refused(routed, (index) => (index === 0 ? { chain: swapped } : undefined));
  t.match(moved, /^0: extension headers 43:\S+ 44: 60:\S+, not 43:\S+ 60:\S+ 44:$/u);
  t.end();
});

t.test('an offset is told as it is shown', (t) => {
  t.equal(fragmentText({ offset: 8, more: true }), 'at 8 with more to come');
  t.end();
});
