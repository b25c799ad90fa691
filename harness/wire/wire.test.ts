import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import { formatAddress, formatEndpoint, parseAddress } from './address.ts';
import { fold, sum16 } from './checksum.ts';
import { decodeFrame, decodeIp } from './frame.ts';
import { decodeUdp } from './udp.ts';
import { decodeVnet } from './vnet.ts';

const MAC = '020000000001020000000002';
/** RFC 768 by hand: ports 1000 to 9000, payload `abc`, checksum right. */
const V4 = '4500001f00014000401100000a0000010a000002' + '03e82328000b0000' + '616263';

/** A UDP packet in Ethernet with the checksum filled in. */
function frame({
  v6 = false,
  payload = Buffer.from('abc'),
  extensions = Buffer.alloc(0),
  next = 17,
} = {}): Buffer {
  const udp = Buffer.concat([Buffer.from('03e8232800000000', 'hex'), payload]);
  udp.writeUInt16BE(udp.length, 4);
  const ip = Buffer.from(
    v6
      ? `60b0000000001140${'00'.repeat(15)}01${'00'.repeat(15)}02`
      : '45b8000000014000401100000a0000010a000002',
    'hex',
  );
  if (v6) {
    ip.writeUInt16BE(extensions.length + udp.length, 4);
    ip.writeUInt8(next, 6);
  } else ip.writeUInt16BE(20 + udp.length, 2);
  const addresses = v6 ? ip.subarray(8, 40) : ip.subarray(12, 20);
  const sum = fold(sum16(udp, 0, udp.length, sum16(addresses, 0, addresses.length) + 17 + udp.length));
  udp.writeUInt16BE(sum === 0xffff ? 0xffff : ~sum & 0xffff, 6);
  return Buffer.concat([Buffer.from(`${MAC}${v6 ? '86dd' : '0800'}`, 'hex'), ip, extensions, udp]);
}

t.test('addresses survive text and bytes', (t) => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      if (!isIPv6(text)) return true;
      const bytes = parseAddress(text);
      const again = bytes && formatAddress(bytes);
      return again !== undefined && bytes?.length === 16 && parseAddress(again)?.equals(bytes) === true;
    }),
  );
  fc.assert(fc.property(fc.ipV4(), (text) => formatAddress(parseAddress(text) ?? Buffer.alloc(0)) === text));
  const texts = [
    '::',
    '::1',
    'fd00::1',
    '1:0:0:2::',
    '1:2:3:4:5:6:7:8',
    '::ffff:10.0.0.1',
    '2001:db8:0:1:1:1:1:1',
  ];
  t.strictSame(
    texts.map((text) => formatAddress(parseAddress(text) ?? Buffer.alloc(16))),
    texts,
  );
  for (const text of ['', '10.0.0', 'fe80::1%eth0', '10.0.0.1/24', 'host'])
    t.equal(parseAddress(text), undefined);
  t.equal(formatEndpoint(Buffer.from([10, 0, 0, 1]), 9), '10.0.0.1:9');
  t.equal(formatEndpoint(parseAddress('fd00::1') ?? Buffer.alloc(16), 9), '[fd00::1]:9');
  t.end();
});

t.test('IPv4 and IPv6: lengths, fields, payload, checksum', (t) => {
  t.match(decodeFrame(frame()), {
    ip: { family: 'ipv4', ipLength: 31, ttl: 64, tos: 0xb8, df: true, ipId: 1, laterFragment: false },
    sourcePort: 1000,
    destinationPort: 9000,
    udpLength: 11,
    checksum: 'good',
    payload: Buffer.from('abc'),
  });
  t.match(decodeFrame(frame({ v6: true, payload: Buffer.from('abcd') })), {
    ip: { family: 'ipv6', ipLength: 52, ttl: 64, tos: 0x0b },
    udpLength: 12,
    checksum: 'good',
  });
  t.equal(decodeFrame(Buffer.from(`${MAC}0800${V4}`, 'hex'))?.checksum, 'zero');
  t.end();
});

t.test('any single flipped bit below the IP header makes the checksum bad', (t) => {
  for (const v6 of [false, true]) {
    const good = frame({ v6, payload: Buffer.alloc(33, 'q') });
    const start = 14 + (v6 ? 40 : 20);
    for (let bit = start * 8; bit < good.length * 8; bit++) {
      const at = bit >> 3;
      if (at === start + 4 || at === start + 5) continue;
      const bad = Buffer.from(good);
      bad.writeUInt8(bad.readUInt8(at) ^ (1 << (bit & 7)), at);
      if (decodeFrame(bad)?.checksum !== 'bad') t.fail(`bit ${bit}`);
    }
  }
  t.end();
});

t.test(
  'a checksum to be filled in must begin with the sum of the pseudo header, for the length that is there',
  (t) => {
    for (const v6 of [false, true]) {
      const bytes = frame({ v6, payload: Buffer.alloc(700, 7) });
      const at = v6 ? 54 : 34;
      const [from, to] = v6 ? [22, 54] : [26, 34];
      const seed = fold(sum16(bytes, from, to) + 17 + 708);
      const state = (value: number): string | undefined => {
        bytes.writeUInt16BE(value, at + 6);
        const ip = decodeIp(bytes);
        return ip && decodeUdp(ip, true)?.checksum;
      };
      t.equal(state(seed), 'partial');
      t.equal(state(~seed & 0xffff), 'bad', 'the sum negated, as in a finished checksum');
      t.equal(state(fold(seed + 700)), 'bad', 'the sum for another length');
      t.equal(state(seed ^ 1), 'bad');
    }
    t.end();
  },
);

t.test('padding behind the IP packet is not payload, a VLAN tag is skipped', (t) => {
  const padded = Buffer.concat([frame(), Buffer.alloc(15)]);
  t.strictSame(decodeFrame(padded)?.payload, Buffer.from('abc'));
  const plain = frame();
  const tagged = Buffer.concat([plain.subarray(0, 12), Buffer.from('81000007', 'hex'), plain.subarray(12)]);
  t.equal(decodeFrame(tagged)?.checksum, 'good');
  t.end();
});

t.test('extension headers lead to the UDP header; later fragments have none', (t) => {
  const hopByHop = Buffer.from('1100010400000000', 'hex');
  t.equal(decodeFrame(frame({ v6: true, next: 0, extensions: hopByHop }))?.checksum, 'good');
  const first = Buffer.from('1100000100000001', 'hex');
  t.equal(decodeFrame(frame({ v6: true, next: 44, extensions: first }))?.udpLength, 11);
  const later = Buffer.from('1100000900000001', 'hex');
  const packet = frame({ v6: true, next: 44, extensions: later });
  t.equal(decodeFrame(packet), undefined);
  t.equal(decodeIp(packet)?.laterFragment, true);
  t.end();
});

t.test('100,000 random or damaged frames are decoded or refused, never an exception', (t) => {
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) % below;
  };
  const seeds = [
    frame(),
    frame({ v6: true }),
    frame({ v6: true, next: 0, extensions: Buffer.from('2b000104000000001102040100000000', 'hex') }),
    frame({ v6: true, next: 44, extensions: Buffer.from('1100000100000001', 'hex') }),
  ];
  let decoded = 0;
  for (let round = 0; round < 100_000; round++) {
    const whole = Buffer.from(seeds[round % seeds.length] ?? Buffer.alloc(0));
    for (let flips = random(6); flips > 0; flips--) whole[12 + random(whole.length - 12)] = random(256);
    const cut = whole.subarray(0, random(4) === 0 ? random(whole.length + 1) : whole.length);
    const udp = decodeFrame(cut);
    decodeVnet(cut);
    if (udp && udp.payload.length <= cut.length) decoded++;
  }
  t.ok(decoded > 10_000, `${decoded} were UDP`);
  t.end();
});

t.test('the virtio-net header names what is left to do', (t) => {
  t.strictSame(decodeVnet(Buffer.from('01053600e80322000600', 'hex')), {
    gso: 'udp-l4',
    gsoSize: 1000,
    headerLength: 0x36,
    partialChecksum: true,
    checksumAt: 34,
    checksumOffset: 6,
  });
  t.match(decodeVnet(Buffer.alloc(10)), { gso: 'none', gsoSize: 0, partialChecksum: false });
  t.equal(decodeVnet(Buffer.alloc(9)), undefined);
  t.end();
});
