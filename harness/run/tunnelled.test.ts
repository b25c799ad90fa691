/** Packets in a VXLAN tunnel: each of the two headers is told by itself, and what is wrong with the outer one is named. */
import t from 'tap';
import type { CapturedFrame, Packet } from '../contract/evidence.ts';
import { payload } from '../agent/payload.ts';
import { misstated } from '../judge/stated.ts';
import { parseAddress } from '../wire/address.ts';
import { ethernet, ip, udp, vnet } from '../wire/build.ts';
import { takeApart } from './captured.ts';

const SEED = 5;
const LENGTH = 100;
const MAC = Buffer.from('020000000001', 'hex');
const UDP = 17;
const OUTER_UDP = { ipv4: 34, ipv6: 54 } as const;
const AROUND = { ipv4: 8 + 8 + 14 + 20 + 8, ipv6: 8 + 8 + 14 + 40 + 8 } as const;

type Family = keyof typeof OUTER_UDP;

function ends(family: Family, net: number): { from: Buffer; to: Buffer } {
  const one = (host: number): Buffer =>
    parseAddress(family === 'ipv4' ? `10.0.${net}.${host}` : `fd0${net}::${host}`) ?? Buffer.alloc(0);
  return { from: one(1), to: one(2) };
}

/** As a capture below a tunnel has it; `partial`: the inner checksum is left to the device. */
function captured(
  inner: Family,
  outer: Family,
  partial: boolean,
  change: (frame: Buffer, header: Buffer) => void,
): Packet {
  const near = ends(inner, 0);
  const data = payload(SEED, 0, LENGTH);
  const carried = (sum: boolean): Buffer => {
    const packet = ip(UDP, near, udp({ from: 9001, to: 9000 }, near, data, sum));
    const vxlan = Buffer.from('0800000000000700', 'hex');
    return Buffer.concat([vxlan, ethernet(MAC, MAC, near, packet)]);
  };
  const far = ends(outer, 7);
  const around = (content: Buffer): Buffer => udp({ from: 40000, to: 4789 }, far, content, false);
  // What the outer checksum is over is what the device makes of it.
  const right = around(carried(false));
  const sent = Buffer.concat([right.subarray(0, 8), carried(partial)]);
  const bytes = ethernet(MAC, MAC, far, ip(UDP, far, sent));
  const at = bytes.length - LENGTH - 8;
  const header = partial ? vnet([1, 0, 0, 0, at, 6]) : vnet([0, 0, 0, 0, 0, 0]);
  change(bytes, header);
  const frame: CapturedFrame = {
    direction: 'out',
    head: Buffer.concat([header, bytes.subarray(0, bytes.length - LENGTH)]).toString('hex'),
    tag: '',
    payload: [{ stream: 0, at: 0, length: LENGTH }],
  };
  const kernel = { log: [], taint: { before: 0, after: 0 } };
  const evidence = {
    id: 'a/b',
    setup: [],
    durationMs: 1,
    kernel,
    steps: [{ ret: 1, calls: [], frames: [frame] }],
  };
  const packet = takeApart(evidence, SEED).steps[0]?.packets?.[0];
  if (!packet) throw new Error('no packet');
  return packet;
}

/** Everything as it must be, and what is said where it is not. */
function said(inner: Family, outer: Family, packet: Packet): string | null {
  const header = outer === 'ipv4' ? 20 : 40;
  const wrong = misstated(
    [
      {
        payload: [{ stream: 0, at: 0, length: LENGTH }],
        udpLength: 8 + LENGTH,
        outerChecksum: 'good',
        outerUdpLength: AROUND[inner] + LENGTH,
        outerIpLength: header + AROUND[inner] + LENGTH,
      },
    ],
    [packet],
  );
  return wrong?.actual ?? null;
}

const FAMILIES = ['ipv4', 'ipv6'] as const;
const keep = (): void => undefined;

for (const inner of FAMILIES)
  for (const outer of FAMILIES) {
    const at = OUTER_UDP[outer];
    t.test(`${inner} in ${outer}: a right packet is as stated, a wrong outer header is named`, (t) => {
      for (const partial of [false, true]) {
        const packet = captured(inner, outer, partial, keep);
        t.equal(said(inner, outer, packet), null);
        t.equal(packet.checksum, partial ? 'partial' : 'good', 'the inner checksum');
        t.equal(packet.family, inner);
        const wrong = (change: (frame: Buffer) => void): string | null =>
          said(inner, outer, captured(inner, outer, partial, change));
        t.equal(
          wrong((frame) => frame.writeUInt16BE(0, at + 6)),
          '0: outer checksum zero',
        );
        t.equal(
          wrong((frame) => frame.writeUInt16BE(frame.readUInt16BE(at + 6) ^ 1, at + 6)),
          '0: outer checksum bad',
        );
        const stale = wrong((frame) => frame.writeUInt16BE(1000, at + 4));
        t.match(stale, /outer UDP length 1000/u);
      }
      t.end();
    });
  }

t.test('a plain packet has no outer header', (t) => {
  const packet = captured('ipv4', 'ipv4', false, (frame) => {
    // Another port than that of VXLAN: all that is behind its header is payload.
    frame.writeUInt16BE(4790, OUTER_UDP.ipv4 + 2);
  });
  t.equal(packet.outerChecksum, undefined);
  t.equal(packet.to, '10.0.7.2:4790');
  t.end();
});

t.test('a checksum that is left to be filled in behind the end is none of the two', (t) => {
  const packet = captured('ipv4', 'ipv6', true, (frame, header) => header.writeUInt16LE(frame.length - 7, 6));
  t.equal(packet.checksum, 'misplaced');
  t.equal(packet.outerChecksum, 'bad');
  t.end();
});
