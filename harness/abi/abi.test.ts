import os from 'node:os';
import t from 'tap';
import { ERRNO_NAMES, canonicalErrno, errnoName, errnoNumber } from './errno.ts';
import { MSG_FLAGS, flagBits, flagNames } from './flags.ts';
import { levelName, levelNumber, literal } from './levels.ts';
import { SOCKET_OPTIONS, optionName, optionNumber, resolveOption } from './options.ts';

t.test("errno numbers are this machine's, and one to one", (t) => {
  for (const [name, number] of Object.entries(os.constants.errno)) {
    const known = errnoNumber(name);
    if (known !== undefined) t.equal(known, number, name);
  }
  t.equal(new Set(ERRNO_NAMES.map(errnoNumber)).size, ERRNO_NAMES.length);
  for (const name of ERRNO_NAMES) t.equal(errnoName(errnoNumber(name) ?? 0), name);
  t.equal(errnoName(524), 'ENOTSUPP', 'kernel-internal ones leak');
  t.equal(canonicalErrno('EWOULDBLOCK'), 'EAGAIN');
  t.equal(canonicalErrno('ENOSUCH'), undefined);
  t.end();
});

t.test('flags survive names and bits', (t) => {
  for (const [name, bit] of Object.entries(MSG_FLAGS)) t.strictSame(flagNames(bit), [name]);
  t.equal(new Set(Object.values(MSG_FLAGS)).size, Object.keys(MSG_FLAGS).length);
  t.equal(flagBits(['MSG_MORE', 'MSG_DONTWAIT']), 0x8040);
  t.strictSame(flagNames(0x8000_0020), ['MSG_TRUNC', '0x80000000']);
  t.throws(() => flagBits(['MSG_MOER']), { message: 'MSG_MOER is no message flag' });
  t.end();
});

t.test('options by name and by number', (t) => {
  t.match(SOCKET_OPTIONS.get('UDP_SEGMENT'), { level: 'SOL_UDP', number: 103, encoding: 'int' });
  t.match(SOCKET_OPTIONS.get('IPV6_HOPOPTS'), { level: 'SOL_IPV6', number: 54, encoding: 'bytes' });
  t.match(SOCKET_OPTIONS.get('IP_MTU_DISCOVER')?.values, { do: 2, probe: 3 });
  t.equal(optionName(17, 104), 'UDP_GRO');
  t.equal(optionName(17, 250), '250');
  t.equal(optionNumber('0x67'), 103);
  t.strictSame(resolveOption('SOL_UDP', 'UDP_GRO'), { level: 17, number: 104 });
  t.throws(() => resolveOption('SOL_UDP', 'UDP_GOR'), { message: 'UDP_GOR is no socket option' });
  for (const { name, number } of SOCKET_OPTIONS.values()) t.ok(Number.isInteger(number) && number > 0, name);
  t.end();
});

t.test('levels by name and by number', (t) => {
  t.equal(levelNumber('SOL_UDPLITE'), 136);
  t.equal(levelName(41), 'SOL_IPV6');
  t.equal(levelName(99), '99');
  t.strictSame(['17', '0x11', '-1', '1e3', ''].map(literal), [17, 17, -1, undefined, undefined]);
  t.end();
});
