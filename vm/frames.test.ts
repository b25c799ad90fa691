import fc from 'fast-check';
import { test } from 'tap';
import { FrameDecoder, FrameEncoder, FrameError, MAX_RECORD_BYTES } from './frames.ts';

const encodeAll = (messages: readonly unknown[]): Buffer[] => {
  const encoder = new FrameEncoder();
  return messages.map((message) => encoder.encode(message));
};

/** Decodes a whole stream; the fault's name in place of an exception. */
const decodeAll = (chunks: readonly Buffer[]): { messages: unknown[]; fault: string | null } => {
  const decoder = new FrameDecoder();
  const messages: unknown[] = [];
  try {
    for (const chunk of chunks) {
      try {
        messages.push(...decoder.push(chunk));
      } catch (error) {
        messages.push(...decoder.salvage);
        throw error;
      }
    }
    decoder.finish();
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return { messages, fault: error.fault };
  }
  return { messages, fault: null };
};

const split = (stream: Buffer, cuts: readonly number[]): Buffer[] => {
  const at = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  return at.slice(1).map((end, index) => stream.subarray(at[index], end));
};

const messagesArb = fc.array(fc.jsonValue({ maxDepth: 3 }), { minLength: 1, maxLength: 12 });
const normal = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

void test('whatever is encoded comes out the same, however the stream is cut into chunks', (t) => {
  fc.assert(
    fc.property(messagesArb, fc.array(fc.nat(), { maxLength: 40 }), (messages, cuts) => {
      const chunks = split(Buffer.concat(encodeAll(messages)), cuts);
      t.strictSame(decodeAll(chunks), { messages: messages.map(normal), fault: null });
    }),
    { numRuns: 200 },
  );
  t.end();
});

void test('a stream that ends inside a record is cut, and all records before it are kept', (t) => {
  fc.assert(
    fc.property(messagesArb, fc.nat(), (messages, where) => {
      const records = encodeAll(messages);
      const stream = Buffer.concat(records);
      const end = where % stream.length;
      const starts = records.map((_, index) => Buffer.concat(records.slice(0, index)).length);
      const { messages: got, fault } = decodeAll([stream.subarray(0, end)]);
      t.equal(fault, starts.includes(end) ? null : 'cut');
      t.strictSame(got, messages.slice(0, got.length).map(normal));
    }),
    { numRuns: 200 },
  );
  t.end();
});

void test('a record that is left out, doubled or out of order is named', (t) => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { minLength: 3, maxLength: 8 }), fc.nat(), (messages, pick) => {
      const records = encodeAll(messages);
      const at = pick % (records.length - 1);
      const without = records.filter((_, index) => index !== at);
      t.equal(decodeAll(without).fault, 'missing', 'left out');
      t.equal(decodeAll(records.toSpliced(at, 0, records[at] as Buffer)).fault, 'doubled', 'doubled');
      t.equal(decodeAll(without.toSpliced(at + 1, 0, records[at] as Buffer)).fault, 'missing', 'late');
    }),
    { numRuns: 100 },
  );
  t.end();
});

void test('one changed byte never yields a wrong message', (t) => {
  fc.assert(
    fc.property(messagesArb, fc.nat(), fc.integer({ min: 1, max: 255 }), (messages, where, flip) => {
      const stream = Buffer.concat(encodeAll(messages));
      const at = where % stream.length;
      stream[at] = (stream[at] as number) ^ flip;
      const { messages: got, fault } = decodeAll([stream]);
      t.not(fault, null);
      t.strictSame(got, messages.slice(0, got.length).map(normal));
    }),
    { numRuns: 500 },
  );
  t.end();
});

void test('random bytes never pass and never throw anything but a FrameError', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1 }), { minLength: 1 }), (chunks) => {
      const { messages, fault } = decodeAll(chunks.map((chunk) => Buffer.from(chunk)));
      t.strictSame(messages, []);
      t.ok(fault);
    }),
    { numRuns: 500 },
  );
  t.end();
});

void test('after a fault the decoder stays at it', (t) => {
  const [first, second, third] = encodeAll([1, 2, 3]) as [Buffer, Buffer, Buffer];
  const decoder = new FrameDecoder();
  t.strictSame(decoder.push(first), [1]);
  const missing = new FrameError('missing', 1, 'record 1 is missing: 2 came next');
  t.throws(() => decoder.push(third), missing);
  t.throws(() => decoder.push(second), missing);
  t.throws(() => {
    decoder.finish();
  }, missing);
  t.end();
});

void test('what cannot be a record is refused without using up a number', (t) => {
  const encoder = new FrameEncoder();
  t.throws(() => encoder.encode(undefined), TypeError);
  t.throws(() => encoder.encode('x'.repeat(MAX_RECORD_BYTES)), RangeError);
  t.strictSame(new FrameDecoder().push(encoder.encode('ok')), ['ok']);
  t.end();
});
