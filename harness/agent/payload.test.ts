import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import type { Run } from '../contract/evidence.ts';
import { Ledger } from './explain.ts';
import { MAX_STREAM, payload, wholePool, type usePool } from './payload.ts';

const seed = fc.nat(0xffffffff);
const total = (runs: readonly Run[]): number => runs.reduce((sum, { length }) => sum + length, 0);

/** A ledger with these streams delivered, and all their bytes in a row. */
function delivered(seed: number, ...lengths: number[]): { ledger: Ledger; bytes: Buffer } {
  const ledger = new Ledger(seed);
  for (const [stream, length] of lengths.entries()) ledger.sent(stream, length, true);
  return { ledger, bytes: Buffer.concat(lengths.map((length, stream) => payload(seed, stream, length))) };
}

t.test('a payload is the same every time, and a longer one begins with the shorter', (t) => {
  fc.assert(
    fc.property(seed, fc.nat(5000), fc.nat(70_000), (seed, stream, length) => {
      const bytes = payload(seed, stream, length);
      return (
        bytes.length === length &&
        payload(seed, stream, length + 100)
          .subarray(0, length)
          .equals(bytes)
      );
    }),
  );
  t.end();
});

t.test('any 128 bytes from the start of a stream on differ from each other', (t) => {
  fc.assert(
    fc.property(seed, fc.nat(5000), (seed, stream) => new Set(payload(seed, stream, 128)).size === 128),
  );
  t.end();
});

t.test('no two of a thousand streams of a case begin alike', (t) => {
  const heads = Array.from({ length: 1000 }, (_, stream) => payload(7, stream, 8).toString('hex'));
  t.equal(new Set(heads).size, 1000);
  t.end();
});

t.test('a pool read from its file is the computed one, and a damaged file is left aside', async (t) => {
  const folder = t.testdir({ good: wholePool(), cut: wholePool().subarray(0, 1000) });
  for (const name of ['good', 'cut', 'not-there']) {
    const again = (await import(`./payload.ts?${name}`)) as {
      payload: typeof payload;
      usePool: typeof usePool;
    };
    again.usePool(join(folder, name));
    for (const stream of [0, 1, 17])
      t.ok(again.payload(99, stream, 70_000).equals(payload(99, stream, 70_000)));
  }
});

t.test('impossible lengths are refused', (t) => {
  for (const length of [-1, 1.5, NaN, MAX_STREAM + 1])
    t.throws(() => payload(1, 0, length), { name: 'RangeError' });
  t.end();
});

t.test('bytes cut anywhere and received in order are one run each', (t) => {
  fc.assert(
    fc.property(seed, fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1 }), (seed, sizes) => {
      const { ledger, bytes } = delivered(
        seed,
        Math.min(
          sizes.reduce((a, b) => a + b),
          65527,
        ),
      );
      const cursor = { index: 0, at: 0 };
      let at = 0;
      for (const size of sizes) {
        const piece = bytes.subarray(at, at + size);
        if (piece.length === 0) break;
        const runs = ledger.explain(piece, cursor);
        if (runs.length !== 1) return false;
        const [run] = runs;
        if (!run || 'foreign' in run || run.at !== at || run.length !== piece.length) return false;
        at += piece.length;
      }
      return true;
    }),
  );
  t.end();
});

t.test('the short way says what the long way says, and nothing about other bytes', (t) => {
  const piece = fc.record({ length: fc.integer({ min: 0, max: 900 }), flip: fc.boolean() });
  fc.assert(
    fc.property(seed, fc.array(piece, { minLength: 1, maxLength: 8 }), (seed, pieces) => {
      const { ledger, bytes } = delivered(seed, 700, 1, 900);
      const [long, short] = [
        { index: 0, at: 0 },
        { index: 0, at: 0 },
      ];
      let at = 0;
      for (const { length, flip } of pieces) {
        const [from, to] = [at, Math.min(at + length, bytes.length)];
        const arrived = Buffer.from(bytes);
        if (flip && to > from) arrived.writeUInt8(arrived.readUInt8(to - 1) ^ 1, to - 1);
        const before = { ...short };
        const next = ledger.next(arrived, from, to, short);
        const runs = ledger.explain(arrived.subarray(from, to), long);
        const [only, ...others] = runs;
        const exact = only && others.length === 0 && !('foreign' in only);
        if (next && !(exact && only.stream === next.stream && only.at === next.at)) return false;
        if (next && (short.index !== long.index || short.at !== long.at)) return false;
        if (!next && (short.index !== before.index || short.at !== before.at)) return false;
        const expected = exact && only.stream === before.index && only.at === before.at;
        if (!next && expected) return false;
        if (!next) Object.assign(short, long);
        at = to;
      }
      return true;
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test('whatever arrives, the runs cover it exactly, and named runs hold the bytes they name', (t) => {
  const mangled = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.record({ stream: fc.nat(2), at: fc.nat(400), length: fc.nat(300) }),
    ),
  );
  fc.assert(
    fc.property(seed, mangled, (seed, parts) => {
      const { ledger } = delivered(seed, 500, 1, 700);
      const lengths = [500, 1, 700];
      const bytes = Buffer.concat(
        parts.map((part) =>
          part instanceof Uint8Array
            ? part
            : payload(seed, part.stream, lengths[part.stream] ?? 0).subarray(part.at, part.at + part.length),
        ),
      );
      const runs = ledger.explain(bytes, { index: 0, at: 0 });
      let at = 0;
      for (const run of runs) {
        if (run.length <= 0) return false;
        const piece = bytes.subarray(at, at + run.length);
        const named =
          'foreign' in run ? piece : payload(seed, run.stream, run.at + run.length).subarray(run.at);
        if (!named.equals(piece)) return false;
        at += run.length;
      }
      return at === bytes.length;
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test('one flipped byte is one foreign byte, and the rest is named', (t) => {
  fc.assert(
    fc.property(
      seed,
      fc.integer({ min: 1, max: 1400 }),
      fc.integer({ min: 1, max: 255 }),
      (seed, place, bits) => {
        const { ledger, bytes } = delivered(seed, 1472);
        bytes.writeUInt8(bytes.readUInt8(place) ^ bits, place);
        const runs = ledger.explain(bytes, { index: 0, at: 0 });
        const foreign = bytes.toString('hex', place, place + 1);
        const after = { stream: 0, at: place + 1, length: 1471 - place };
        t.strictSame(runs, [{ stream: 0, at: 0, length: place }, { foreign, length: 1 }, after]);
      },
    ),
    { numRuns: 50 },
  );
  t.end();
});

t.test('a lost, a doubled and a moved stretch are named as such', (t) => {
  const { ledger, bytes } = delivered(11, 3000);
  const part = (from: number, to: number): Buffer => bytes.subarray(from, to);
  const explain = (...parts: Buffer[]): Run[] => ledger.explain(Buffer.concat(parts), { index: 0, at: 0 });
  t.strictSame(explain(part(0, 100), part(101, 200)), [
    { stream: 0, at: 0, length: 100 },
    { stream: 0, at: 101, length: 99 },
  ]);
  t.strictSame(explain(part(0, 100), part(90, 200)), [
    { stream: 0, at: 0, length: 100 },
    { stream: 0, at: 90, length: 110 },
  ]);
  t.strictSame(explain(part(2000, 2100), part(0, 50)), [
    { stream: 0, at: 2000, length: 100 },
    { stream: 0, at: 0, length: 50 },
  ]);
  t.end();
});

t.test('swapped one-byte segments are told apart', (t) => {
  const { ledger, bytes } = delivered(3, 128);
  const cursor = { index: 0, at: 0 };
  const one = (at: number): Run[] => ledger.explain(bytes.subarray(at, at + 1), cursor);
  t.strictSame([one(1), one(0), one(2)].flat(), [
    { stream: 0, at: 1, length: 1 },
    { stream: 0, at: 0, length: 1 },
    // After the stray one the stream goes on where it was read last.
    { stream: 0, at: 2, length: 1 },
  ]);
  t.end();
});

t.test('bytes of a refused send are named, those of another case are foreign', (t) => {
  const ledger = new Ledger(5);
  ledger.sent(0, 1000, false);
  ledger.sent(1, 1000, true);
  t.strictSame(ledger.explain(payload(5, 0, 500), { index: 0, at: 0 }), [{ stream: 0, at: 0, length: 500 }]);
  const other = ledger.explain(payload(6, 1, 500), { index: 0, at: 0 });
  t.equal(total(other), 500);
  t.match(other[0], { foreign: /^[0-9a-f]{64}$/u });
  t.end();
});

t.test('64 KiB of foreign bytes are dealt with in a bounded number of searches', (t) => {
  const { ledger } = delivered(1, 65507);
  t.strictSame(
    ledger.explain(Buffer.alloc(65507, 'x'), { index: 0, at: 0 }).map(({ length }) => length),
    [65507],
  );
  t.end();
});
