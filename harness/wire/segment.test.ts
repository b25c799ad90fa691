import t from 'tap';
import { ethernet, ip, udp, vnet } from './build.ts';
import { decodeFrame } from './frame.ts';
import { carry, segment } from './segment.ts';
import { UDP_PROTOCOL } from './udp.ts';

const MAC = Buffer.from('020000000001', 'hex');
const ends = { from: Buffer.from([10, 0, 0, 1]), to: Buffer.from([10, 0, 0, 2]) };
const UDP_AT = 34;

/** 250 bytes in segments of 100, the checksum left to be filled in. */
function handed(checksumAt: number, checksumOffset: number): Buffer {
  const datagram = udp({ from: 9001, to: 9000 }, ends, Buffer.alloc(250, 7), true);
  const frame = ethernet(MAC, MAC, ends, ip(UDP_PROTOCOL, ends, datagram));
  return Buffer.concat([vnet([1, 5, UDP_AT + 8, 100, checksumAt, checksumOffset]), frame]);
}

function seen(frames: readonly Buffer[]): (readonly [number | undefined, string | undefined])[] {
  return frames.map((frame) => {
    const decoded = decodeFrame(frame);
    return [decoded?.payload.length, decoded?.checksum];
  });
}

t.test('segments have their bytes, and the checksum that the header asks for', (t) => {
  t.same(seen(segment([handed(UDP_AT, 6)])), [
    [100, 'good'],
    [100, 'good'],
    [50, 'good'],
  ]);
  t.end();
});

t.test('a device obeys: told to begin or to write elsewhere it leaves the UDP checksum as it came', (t) => {
  for (const [at, offset] of [
    [UDP_AT + 2, 6],
    [UDP_AT - 4, 6],
    [UDP_AT, 8],
    [60000, 6],
  ] as const) {
    const frames = segment([handed(at, offset)]);
    t.same(
      seen(frames).map(([, checksum]) => checksum),
      ['bad', 'bad', 'bad'],
      `${at}+${offset}`,
    );
    t.equal(seen(carry([handed(at, offset)]))[0]?.[1], 'good', 'what is our own arrives');
  }
  t.end();
});
