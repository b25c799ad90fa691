import fc from 'fast-check';
import t from 'tap';
import { ethernet, ip, tooBig, udp } from './build.ts';
import { decode } from './decode.ts';
import { decodeFrame } from './frame.ts';
import { UDP_PROTOCOL } from './udp.ts';

const MAC = [Buffer.from('020000000001', 'hex'), Buffer.from('020000000002', 'hex')] as const;
const addresses = fc.constantFrom(4, 16).chain((size) =>
  fc.record({
    from: fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Buffer.from(bytes)),
    to: fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Buffer.from(bytes)),
  }),
);
const port = fc.integer({ min: 0, max: 65535 });
const payload = fc.uint8Array({ maxLength: 1500 }).map((bytes) => Buffer.from(bytes));

t.test('a datagram made here is one to the decoder, with every sum right', (t) => {
  const made = fc.property(addresses, port, port, payload, (ends, from, to, data) => {
    const packet = ip(UDP_PROTOCOL, ends, udp({ from, to }, ends, data, false));
    const frame = ethernet(MAC[0], MAC[1], ends, packet);
    const seen = decodeFrame(frame);
    const same = [seen?.sourcePort, seen?.destinationPort, seen?.udpLength, seen?.checksum];
    return (
      same.join() === [from, to, 8 + data.length, 'good'].join() &&
      seen?.payload.equals(data) === true &&
      seen.ip.source.equals(ends.from) &&
      decode(frame, { ports: new Map() }).findings.length === 0
    );
  });
  fc.assert(made, { numRuns: 300 });
  t.end();
});

t.test('a checksum left to be filled in is the sum of the pseudo header', (t) => {
  const ends = { from: Buffer.from([10, 0, 0, 1]), to: Buffer.from([10, 0, 0, 2]) };
  const bytes = udp({ from: 9001, to: 9000 }, ends, Buffer.from('payload'), true);
  // 0a00 + 0001 + 0a00 + 0002 + 17 + 15
  t.equal(bytes.readUInt16BE(6), 0x1423);
  t.end();
});

t.test('a "too big" message quotes what it is about and tells the MTU', (t) => {
  for (const [from, to] of [
    [Buffer.from([10, 0, 0, 2]), Buffer.from([10, 0, 0, 1])],
    [Buffer.concat([Buffer.alloc(15, 1), Buffer.from([2])]), Buffer.alloc(16, 1)],
  ] as const) {
    const quoted = ip(
      UDP_PROTOCOL,
      { from: to, to: from },
      udp({ from: 1, to: 2 }, { from: to, to: from }, Buffer.alloc(0), true),
    );
    const { layers, findings } = decode(
      ethernet(MAC[0], MAC[1], { from, to }, tooBig({ from, to }, 1300, quoted)),
    );
    t.strictSame(findings, []);
    const message = layers.find(({ layer }) => layer.startsWith('icmp'));
    t.match(message, { layer: from.length === 4 ? 'icmp' : 'icmpv6', checksum: 'good', mtu: 1300 });
  }
  t.end();
});
