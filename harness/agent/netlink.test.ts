import fc from 'fast-check';
import t from 'tap';
import { parsePrefix } from './addresses.ts';
import {
  HEADER_SIZE,
  attribute,
  message,
  nested,
  parseAttributes,
  parseError,
  parseMessages,
} from './netlink-message.ts';

t.test('attributes survive encoding, padded to 4 bytes', (t) => {
  fc.assert(
    fc.property(fc.nat(0x3fff), fc.uint8Array({ maxLength: 300 }), (type, value) => {
      const bytes = attribute(type, Buffer.from(value));
      return bytes.length % 4 === 0 && parseAttributes(bytes).get(type)?.equals(Buffer.from(value)) === true;
    }),
  );
  t.equal(attribute(3, 'lo').toString('hex'), '070003006c6f0000', 'text gets a closing 0');
  t.equal(attribute(4, 1500).toString('hex'), '08000400dc050000', 'a number is 32 bits');
  const two = Buffer.concat([attribute(3, 'lo'), attribute(4, 1500)]);
  t.same([...parseAttributes(two, [4]).keys()], [4], 'those that nobody wants are left out');
  t.equal(nested(18, attribute(1, 'veth')).readUInt16LE(2), 0x8012, 'nested ones are marked');
  t.end();
});

t.test('messages survive encoding, several in one datagram', (t) => {
  const one = message(16, 5, 7, [Buffer.alloc(16), attribute(3, 'dummy0')]);
  const two = message(3, 0, 8, []);
  const padding = Buffer.alloc((4 - (one.length % 4)) % 4);
  t.match(parseMessages(Buffer.concat([one, padding, two])), [
    { type: 16, flags: 5, sequence: 7 },
    { type: 3, flags: 0, sequence: 8 },
  ]);
  t.end();
});

t.test("an error carries the kernel's own words, capped or not", (t) => {
  const request = message(16, 5, 1, [Buffer.alloc(20)]);
  const error = Buffer.alloc(4);
  error.writeInt32LE(-95);
  const words = attribute(1, 'Unknown device type');
  const reply = (flags: number, ...body: Buffer[]) => ({
    type: 2,
    flags,
    sequence: 1,
    body: Buffer.concat(body),
  });
  const capped = reply(0x300, error, request.subarray(0, HEADER_SIZE), words);
  t.strictSame(parseError(capped), { ret: -95, words: 'Unknown device type' });
  t.strictSame(parseError(reply(0x200, error, request, words)), { ret: -95, words: 'Unknown device type' });
  t.strictSame(parseError(reply(0, error, request)), { ret: -95, words: '' });
  t.end();
});

t.test('damaged messages end the parsing, never throw', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const buffer = Buffer.from(bytes);
      parseAttributes(buffer);
      for (const reply of parseMessages(buffer)) parseError(reply);
      parseError({ type: 2, flags: 0x200, sequence: 0, body: buffer });
      return true;
    }),
  );
  t.end();
});

t.test('prefixes: hosts by default, nonsense refused', (t) => {
  t.match(parsePrefix('10.0.0.1'), { length: 32, family: 2 });
  t.match(parsePrefix('fd00::/64'), { length: 64, family: 10 });
  for (const text of ['10.0.0.1/33', '10.0.0.1/x', 'lo', 'fd00::1/-1'])
    t.throws(() => parsePrefix(text), { name: 'RangeError', message: `${text} is no address/prefix` });
  t.end();
});
