import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { LINK_TYPE, Pcapng } from './pcapng.ts';

interface Block {
  readonly type: number;
  /** Everything before the options. */
  readonly head: Buffer;
  readonly options: ReadonlyMap<number, readonly Buffer[]>;
}

/** Bytes of the fixed part, by block type; packets have theirs behind it. */
const FIXED: Readonly<Record<number, number>> = { 0x0a0d0d0a: 16, 1: 8, 5: 12, 6: 20 };

/** A reader of this test's own: throws on anything that is not well-formed. */
function read(file: Buffer): Block[] {
  const blocks: Block[] = [];
  for (let at = 0; at < file.length;) {
    const length = file.readUInt32LE(at + 4);
    if (length % 4 !== 0 || length < 12 || at + length > file.length) throw new Error(`length ${length}`);
    if (file.readUInt32LE(at + length - 4) !== length) throw new Error('the two lengths differ');
    const type = file.readUInt32LE(at);
    const body = file.subarray(at + 8, at + length - 4);
    let fixed = FIXED[type] ?? 0;
    if (type === 6) fixed += (body.readUInt32LE(12) + 3) & ~3;
    blocks.push({ type, head: body.subarray(0, fixed), options: options(body.subarray(fixed)) });
    at += length;
  }
  return blocks;
}

function options(bytes: Buffer): Map<number, Buffer[]> {
  const found = new Map<number, Buffer[]>();
  let ended = bytes.length === 0;
  for (let at = 0; at < bytes.length;) {
    if (ended) throw new Error('something behind the end of options');
    const code = bytes.readUInt16LE(at);
    const length = bytes.readUInt16LE(at + 2);
    if (at + 4 + length > bytes.length) throw new Error(`option ${code} is cut`);
    ended = code === 0;
    if (!ended) found.set(code, [...(found.get(code) ?? []), bytes.subarray(at + 4, at + 4 + length)]);
    at += 4 + ((length + 3) & ~3);
  }
  if (!ended) throw new Error('no end of options');
  return found;
}

const text = (block: Block | undefined, code: number): string[] =>
  (block?.options.get(code) ?? []).map((bytes) => bytes.toString('utf8'));

const section = { hardware: 'x86_64', os: 'Linux 6.12.95', application: 'segproof 0.1.0' };

/** Ethernet, IPv4, UDP from 10.0.0.1:1111 to 10.0.0.2:9000 with 5 bytes of payload. */
const frame = Buffer.from(
  '02000000000202000000000108004500002100004000401126c90a0000010a00000204572328000d000068656c6c6f',
  'hex',
);
const time = 1_700_000_000_123_456_789n;

function sample(comment: string): Buffer {
  const file = new Pcapng({ ...section, comments: ['udp-gso/limits/x[family=ipv4]'] });
  const left = file.addInterface({ name: 'left/left0', description: 'sender' });
  const tun = file.addInterface({ name: 'tun0', linkType: LINK_TYPE.raw, snapLength: 262144 });
  file.addPacket({
    interface: left,
    timeNs: time,
    bytes: frame,
    direction: 'out',
    comments: [comment, 'second'],
  });
  file.addPacket({ interface: left, timeNs: time + 1n, bytes: frame, direction: 'in' });
  file.addPacket({ interface: tun, timeNs: time + 2n, bytes: frame.subarray(14, 30), originalLength: 33 });
  file.addStatistics({ interface: left, timeNs: time + 3n, received: 2n, dropped: 7n });
  return file.toBuffer();
}

t.test('a capture read back holds what was put in', (t) => {
  const blocks = read(sample('UDP length is 14, should be 13'));
  t.same(
    blocks.map(({ type }) => type),
    [0x0a0d0d0a, 1, 1, 6, 6, 6, 5],
  );
  const [head, left, tun, first, second, third, statistics] = blocks;
  t.same(
    [2, 3, 4, 1].map((code) => text(head, code)),
    [['x86_64'], ['Linux 6.12.95'], ['segproof 0.1.0'], ['udp-gso/limits/x[family=ipv4]']],
  );
  t.same([text(left, 2), text(left, 3), text(tun, 2)], [['left/left0'], ['sender'], ['tun0']]);
  t.same(
    [left?.head.readUInt16LE(0), tun?.head.readUInt16LE(0), tun?.head.readUInt32LE(4)],
    [1, 101, 262144],
  );
  t.same(left?.options.get(9), [Buffer.from([9])], 'times are in nanoseconds');
  t.same(text(first, 1), ['UDP length is 14, should be 13', 'second']);
  t.equal((BigInt(first?.head.readUInt32LE(4) ?? 0) << 32n) | BigInt(first?.head.readUInt32LE(8) ?? 0), time);
  t.ok(first?.head.subarray(20, 20 + frame.length).equals(frame));
  t.same(
    [first, second].map((packet) => packet?.options.get(2)?.[0]?.readUInt32LE(0)),
    [2, 1],
    'out, in',
  );
  t.same([third?.head.readUInt32LE(12), third?.head.readUInt32LE(16), third?.options.size], [16, 33, 0]);
  t.same(
    [4, 7].map((code) => statistics?.options.get(code)?.[0]?.readBigUInt64LE(0)),
    [2n, 7n],
  );
  t.end();
});

t.test('no comment can break the file or reach a terminal as control characters', (t) => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.integer({ min: 65530, max: 65540 }).map((length) => 'é'.repeat(length / 2) + 'x'.repeat(3)),
    fc.constantFrom('\ud800', '\0', '\u001b[2J', '😀'.repeat(16384), 'x'.repeat(70000), ''),
  );
  fc.assert(
    fc.property(anything, (comment) => {
      const [, , , packet] = read(sample(comment));
      const [seen = ''] = text(packet, 1);
      const whole = Buffer.from(comment).toString('utf8');
      // eslint-disable-next-line no-control-regex -- they are what must not be there
      if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/u.test(seen)) return false;
      const fits = Buffer.byteLength(whole) <= 65535;
      return fits && !/\p{Cc}/u.test(whole) ? seen === whole : Buffer.byteLength(seen) <= 65535;
    }),
  );
  const [, , , packet] = read(sample('😀'.repeat(20000)));
  t.match(text(packet, 1)[0], /^(?:😀)+$/u, 'cut at a whole character');
  t.end();
});

t.test('what cannot be is refused', (t) => {
  const file = new Pcapng(section);
  t.throws(() => {
    file.addPacket({ interface: 0, timeNs: 0n, bytes: frame });
  }, /no interface 0/);
  file.addInterface({ name: 'lo' });
  t.throws(() => {
    file.addPacket({ interface: 0, timeNs: -1n, bytes: frame });
  }, /no time/);
  t.throws(() => {
    file.addPacket({ interface: 0, timeNs: 0n, bytes: frame, originalLength: 3 });
  }, /47 bytes kept of a packet of 3/);
  t.equal(read(file.toBuffer()).length, 2, 'and leaves nothing behind');
  t.end();
});

const missing = (tool: string): string | false =>
  spawnSync(tool, ['--version']).error ? `${tool} is not installed` : false;

t.test('tshark reads the same', { skip: missing('tshark') }, (t) => {
  const path = join(t.testdir(), 'sample.pcapng');
  writeFileSync(path, sample('é 😀 "quoted"\nline'));
  const fields = [
    'frame.time_epoch',
    'frame.interface_name',
    'frame.packet_flags_direction',
    'frame.len',
    'udp.dstport',
    'frame.comment',
  ];
  const args = ['-r', path, '-T', 'fields', '-E', 'separator=;', ...fields.flatMap((field) => ['-e', field])];
  const out = execFileSync('tshark', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const [first = '', second = '', third = ''] = out
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('17'));
  t.match(first, /^1700000000\.123456789;left\/left0;0x0*2;47;9000;é 😀 "quoted"/u);
  t.match(second, /^1700000000\.123456790;left\/left0;0x0*1;47;9000;/);
  t.match(third, /^1700000000\.123456791;tun0;;33;/);
  t.end();
});

t.test('capinfos names kernel, program and drops', { skip: missing('capinfos') }, (t) => {
  const path = join(t.testdir(), 'sample.pcapng');
  writeFileSync(path, sample('x'));
  const out = execFileSync('capinfos', ['-M', path], { encoding: 'utf8' });
  for (const words of ['pcapng', 'x86_64', 'Linux 6.12.95', 'segproof 0.1.0', 'left/left0', 'nanoseconds'])
    t.match(out, words);
  t.match(out, /Number of packets:\s+3/);
  t.end();
});
