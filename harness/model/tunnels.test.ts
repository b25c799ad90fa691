/** Packets in a tunnel: a right capture is as the model has it, and each header field around them that is wrong is named. */
import t from 'tap';
import { modelled, refused, seen, summed } from './test-support.ts';

const KERNEL = '6.18.9';
const ENDS = {
  ipv4: 'far=192.168.7.2,near=192.168.7.1',
  ipv6: 'far=fd07::2,near=fd07::1',
} as const;
type Outer = keyof typeof ENDS;

/** Of the outer IP header, and the UDP header behind it. */
const IP = 14;
const UDP = { ipv4: IP + 20, ipv6: IP + 40 } as const;

function segments(outer: Outer, family: string): ReturnType<typeof modelled>[number] {
  const id = `udp-gso/tunnel/outer-headers[csum=true,family=${family},${ENDS[outer]},total=2999,uso=false]`;
  return modelled(id, KERNEL)[0] ?? [];
}

/** What is wrong in the outer IPv4 header, its checksum being right. */
function inHeader(change: (header: Buffer) => void): (frame: Buffer) => void {
  return (frame) => {
    const header = frame.subarray(IP, IP + 20);
    change(header);
    summed(header);
  };
}

t.test('whatever is inside and around, a right capture is as the model has it', (t) => {
  for (const outer of ['ipv4', 'ipv6'] as const)
    for (const family of ['ipv4', 'ipv6']) {
      const packets = segments(outer, family);
      t.equal(packets.length, 3);
      t.equal(refused(packets, seen(packets)), '', `${family} in ${outer}`);
    }
  t.end();
});

/** Those of the second of three packets. */
const WRONG: Readonly<Record<string, readonly [change: (frame: Buffer) => void, said: string]>> = {
  'another TTL': [inHeader((ip) => ip.writeUInt8(63, 8)), '1: outer TTL 64, not 63'],
  'another TOS': [inHeader((ip) => ip.writeUInt8(4, 1)), '1: outer TOS 0x00, not 0x04'],
  'a flag that the tunnel does not set': [
    inHeader((ip) => ip.writeUInt16BE(0x4000, 6)),
    '1: outer DF clear, not set',
  ],
  'the identification of the segment before': [
    inHeader((ip) => ip.writeUInt16BE(5000, 4)),
    '1: outer IP ID first+1, not first+0',
  ],
  'an identification that skips one': [
    inHeader((ip) => ip.writeUInt16BE(5002, 4)),
    '1: outer IP ID first+1, not first+2',
  ],
  'another host': [
    inHeader((ip) => ip.writeUInt8(9, 15)),
    '1: outer from 192.168.7.1:40000, not 192.168.7.9:40000; outer checksum good, not bad',
  ],
  'the UDP length of the whole': [
    (frame) => frame.writeUInt16BE(3000, UDP.ipv4 + 4),
    '1: outer UDP length 1058, not 3000; outer checksum good, not bad',
  ],
  'the IP length of the whole': [
    inHeader((ip) => ip.writeUInt16BE(3070, 2)),
    '1: outer IP length 1078, not 3070',
  ],
  'no checksum': [(frame) => frame.writeUInt16BE(0, UDP.ipv4 + 6), '1: outer checksum good, not zero'],
  'another source port': [
    (frame) => frame.writeUInt16BE(40002, UDP.ipv4),
    '1: outer from 192.168.7.1:40000, not 192.168.7.1:40002; outer checksum good, not bad',
  ],
  'another network': [
    (frame) => frame.writeUInt32BE(8 << 8, UDP.ipv4 + 12),
    '1: outer checksum good, not bad; VXLAN network 7, not 8',
  ],
  'another link address': [
    (frame) => frame.writeUInt8(9, 5),
    "1: outer link header the first's, not 02:00:00:00:00:01 to 02:00:00:00:00:09",
  ],
  'an inner TTL': [
    (frame) => {
      const ip = frame.subarray(UDP.ipv4 + 30, UDP.ipv4 + 50);
      ip.writeUInt8(60, 8);
      summed(ip);
    },
    '1: TTL 64, not 60',
  ],
  'an outer header checksum': [
    (frame) => frame.writeUInt16BE(1, IP + 10),
    '1: wrong , not the IPv4 header checksum is wrong',
  ],
};

for (const [what, [change, said]] of Object.entries(WRONG))
  t.test(`a segment with ${what} is refused`, (t) => {
    const packets = segments('ipv4', 'ipv4');
    const got = seen(packets, (frame, index) => {
      if (index === 1) change(frame);
    });
    t.equal(refused(packets, got), said);
    t.end();
  });

t.test('around IPv6 the hop limit, the traffic class and the flow label are held too', (t) => {
  const packets = segments('ipv6', 'ipv4');
  const wrong = (change: (frame: Buffer) => void): string =>
    refused(
      packets,
      seen(packets, (frame, index) => {
        if (index === 2) change(frame);
      }),
    );
  t.equal(
    wrong((frame) => frame.writeUInt8(1, IP + 7)),
    '2: outer TTL 64, not 1',
  );
  t.equal(
    wrong((frame) => frame.writeUInt32BE(0x60200000, IP)),
    '2: outer TOS 0x00, not 0x02',
  );
  t.equal(
    wrong((frame) => frame.writeUInt32BE(0x60000abc, IP)),
    '2: outer flow label 0, not abc',
  );
  t.end();
});

t.test('a tunnel that inherits is held to what is inside', (t) => {
  const id = (inner: number): string =>
    `udp-gso/tunnel/outer-fields[df=inherit,family=ipv4,far=192.168.7.2,inner=${inner},near=192.168.7.1,tos=inherit,ttl=inherit,uso=false]`;
  // Congestion experienced is not told to the outside (RFC 6040).
  for (const [inner, tos] of [
    [46, 46],
    [187, 186],
  ] as const) {
    const packets = modelled(id(inner), KERNEL)[0] ?? [];
    t.equal(packets.length, 6);
    t.strictSame(
      packets.map(({ outer }) => [outer?.ttl, outer?.tos]),
      packets.map(() => [33, tos]),
    );
    // What does not fit the path has no flag of its own, as WANT asks for the whole.
    t.strictSame(
      packets.map(({ outer }) => outer?.df),
      [true, false, false, false, true, true],
    );
    const lost = seen(packets, (frame, index) => {
      if (index === 4) inHeader((ip) => ip.writeUInt16BE(0, 6))(frame);
    });
    t.equal(refused(packets, lost), '4: outer DF set, not clear');
    const blind = seen(packets, (frame, index) => {
      if (index === 1) inHeader((ip) => ip.writeUInt8(inner - (inner % 4), 1))(frame);
    });
    t.match(refused(packets, blind), /^1: outer TOS 0x[0-9a-f]+, not 0x/u);
  }
  t.end();
});

t.test('what stays whole has both checksums begun and the lengths of the whole', (t) => {
  const id = `udp-gso/tunnel/stays-whole[count=2,family=ipv4,${ENDS.ipv4},off=1,unchecked=false]`;
  const [tunnel, below] = modelled(id, KERNEL);
  if (!tunnel || !below) throw new Error(id);
  t.equal(tunnel[0]?.outer, undefined);
  t.equal(refused(below, seen(below)), '');
  const wrong = (change: (frame: Buffer, vnet: Buffer) => void): string =>
    refused(
      below,
      seen(below, (frame, _, vnet) => {
        change(frame, vnet);
      }),
    );
  t.equal(
    wrong((frame) => frame.writeUInt16BE(1058, UDP.ipv4 + 4)),
    '0: outer UDP length 2059, not 1058',
  );
  t.equal(
    wrong((frame) => frame.writeUInt16BE(frame.readUInt16BE(UDP.ipv4 + 6) ^ 1, UDP.ipv4 + 6)),
    '0: outer checksum partial, not bad',
  );
  t.equal(
    wrong((_, vnet) => vnet.writeUInt16LE(999, 4)),
    '0: gso udp-l4 1000, not udp-l4 999',
  );
  t.equal(
    wrong((_, vnet) => vnet.writeUInt16LE(UDP.ipv4, 6)),
    '0: checksum partial, not bad',
  );
  t.equal(
    wrong((_, vnet) => vnet.writeUInt16LE(UDP.ipv4 + 8, 2)),
    `0: wrong , not hdr_len ${UDP.ipv4 + 8} leaves out headers`,
    'the outer headers alone are not all',
  );
  t.end();
});

t.test('of packets that were put into a tunnel one by one no identification comes again', (t) => {
  const [, below = []] = modelled(
    `udp-gso/tunnel/cut-above-the-tunnel[csum=true,df=unset,family=ipv4,${ENDS.ipv4}]`,
    KERNEL,
  );
  t.equal(below.length, 5);
  t.equal(refused(below, seen(below)), '');
  const again = seen(below, (frame, index) => {
    if (index === 2) inHeader((ip) => ip.writeUInt16BE(5100, 4))(frame);
  });
  t.equal(refused(below, again), "2: outer IP ID first+0, not the last packet's");
  t.end();
});

t.test('a source port by a hash is one of those to be chosen from, and one for a flow', (t) => {
  const [packets = []] = modelled(`udp-gso/tunnel/port-of-a-flow[family=ipv4,${ENDS.ipv4}]`, KERNEL);
  t.equal(refused(packets, seen(packets)), '');
  const from = (port: number, at: number): string =>
    refused(
      packets,
      seen(packets, (frame, index) => {
        if (index === at) frame.writeUInt16BE(port, UDP.ipv4);
      }),
    );
  t.match(from(1024, 0), /^0: outer from 192\.168\.7\.1:any, not 192\.168\.7\.1:1024/u);
  t.match(from(40124, 2), /^2: outer from 192\.168\.7\.1:any, not 192\.168\.7\.1:40124/u);
  t.match(from(40124, 3), /^3: outer from 192\.168\.7\.1:any, not 192\.168\.7\.1:40124/u);
  t.end();
});
