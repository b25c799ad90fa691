import koffi from 'koffi';
import t from 'tap';
import { decodeControl, describeControl, encodeControl } from './control.ts';
import { CMSGHDR, IOVEC, MMSGHDR, MSGHDR, POLLFD, align8 } from './layout.ts';
import { realSystemCalls as sys } from './libc.ts';
import { CallLog, outcome, result } from './notation.ts';
import { encodeSockaddr, formatSockaddr, unspecSockaddr } from './sockaddr.ts';
import { incomingMessage } from './sys.ts';

t.test("the layouts are the C compiler's", (t) => {
  const iovec = koffi.struct({ base: 'void *', length: 'size_t' });
  const msghdr = koffi.struct({
    name: 'void *',
    nameLength: 'uint32_t',
    iov: 'void *',
    iovLength: 'size_t',
    control: 'void *',
    controlLength: 'size_t',
    flags: 'int',
  });
  const mmsghdr = koffi.struct({ header: msghdr, length: 'uint32_t' });
  const cmsghdr = koffi.struct({ length: 'size_t', level: 'int', type: 'int' });
  const pollfd = koffi.struct({ fd: 'int', events: 'short', revents: 'short' });
  const all = [
    ['iovec', iovec, IOVEC],
    ['msghdr', msghdr, MSGHDR],
    ['mmsghdr', mmsghdr, MMSGHDR],
    ['cmsghdr', cmsghdr, CMSGHDR],
    ['pollfd', pollfd, POLLFD],
  ] as const;
  for (const [name, type, layout] of all) {
    const { size, ...offsets } = layout;
    t.equal(koffi.sizeof(type), size, `size of ${name}`);
    for (const [member, offset] of Object.entries(offsets))
      t.equal(koffi.offsetof(type, member), offset, `${name}.${member}`);
  }
  t.strictSame([0, 1, 8, 9].map(align8), [0, 8, 8, 16]);
  t.end();
});

t.test('numbers that C would change silently never reach it', (t) => {
  const refused = { name: 'RangeError' };
  for (const fd of [1.5, -1, NaN, 2 ** 40]) {
    t.throws(() => sys.close(fd), refused);
    t.throws(() => sys.poll(fd, 1, 0), refused);
  }
  t.throws(() => sys.socket(2 ** 32, 2, 0), refused);
  t.throws(() => sys.setsockopt(0, 1, 1.5, null, 0), refused);
  t.throws(() => sys.ioctl(0, -1, Buffer.alloc(4)), refused);
  t.throws(() => sys.pin(1024), refused);
  t.end();
});

t.test('no length may exceed its buffer', (t) => {
  const refused = { name: 'RangeError', message: /the buffer's 4 bytes/u };
  t.throws(() => sys.setsockopt(0, 1, 1, Buffer.alloc(4), 5), refused);
  t.throws(() => sys.getsockopt(0, 1, 1, Buffer.alloc(4), 5), refused);
  const message = incomingMessage(4, 64);
  message.dataRoom = 5;
  t.throws(() => sys.recvmsg(0, message, 0), refused);
  const control = incomingMessage(64, 4);
  control.controlRoom = 5;
  t.throws(() => sys.recvmsg(0, control, 0), refused);
  const iov = Array.from({ length: 4000 }, () => Buffer.alloc(0));
  t.throws(() => sys.sendmsg(0, { name: null, iov, control: null }, 0), { name: 'RangeError' });
  t.end();
});

t.test('errors come back as minus the errno', (t) => {
  t.equal(sys.socket(99, 2, 0), -97);
  t.equal(sys.close(100_000), -9);
  t.strictSame(outcome(-90), { ret: -1, errno: 'EMSGSIZE' });
  t.equal(result(-524), ' = -1 ENOTSUPP');
  t.equal(result(-4000), ' = -1 E?4000');
  t.end();
});

t.test('control messages survive encoding; wrong ones are encoded as told', (t) => {
  const messages = [
    { level: 'SOL_UDP', type: 'UDP_SEGMENT', value: { u16: 1472 } },
    { level: 'SOL_IP', type: 'IP_TOS', value: { int: 4 } },
    { level: 'SOL_SOCKET', type: 'SCM_TXTIME', value: { u64: '18446744073709551615' } },
    { level: '17', type: '103', value: { hex: '0102' } },
  ] as const;
  t.match(decodeControl(encodeControl(messages) ?? Buffer.alloc(0)), [
    { level: 'SOL_UDP', type: 'UDP_SEGMENT', length: 2, hex: 'c005' },
    { level: 'SOL_IP', type: 'IP_TOS', length: 4, int: 4 },
    { level: 'SOL_SOCKET', type: 'SO_TXTIME', length: 8, hex: 'ff'.repeat(8) },
    { level: 'SOL_UDP', type: 'UDP_SEGMENT', length: 2, hex: '0102' },
  ]);
  const short = encodeControl([{ level: 'SOL_UDP', type: 'UDP_SEGMENT', value: { u8: 1 }, length: 3 }]);
  t.equal(short?.readUInt32LE(0), 3);
  t.equal(encodeControl([]), null);
  t.equal(
    describeControl(messages),
    '[UDP_SEGMENT 1472, IP_TOS 4, SCM_TXTIME (u64)18446744073709551615, 103 (hex)0102]',
  );
  t.throws(() => encodeControl([{ level: 'SOL_UPD', type: 'UDP_SEGMENT', value: { u16: 1 } }]), {
    message: 'SOL_UPD is no socket option level',
  });
  t.end();
});

t.test('socket addresses take the family of the literal', (t) => {
  const encode = (address: string, port: number): string => formatSockaddr(encodeSockaddr({ address, port }));
  t.equal(encode('10.0.0.1', 9000), '10.0.0.1:9000');
  t.equal(encode('::ffff:10.0.0.1', 1), '[::ffff:10.0.0.1]:1');
  t.equal(formatSockaddr(unspecSockaddr()), 'AF_UNSPEC');
  t.equal(formatSockaddr(Buffer.alloc(0)), 'none');
  for (const port of [-1, 65536, 1.5]) t.throws(() => encode('10.0.0.1', port), { name: 'RangeError' });
  t.throws(() => encode('lo', 1), { message: 'lo is no IP address' });
  t.end();
});

t.test('equal calls in a row are counted', (t) => {
  const log = new CallLog();
  log.add('a');
  for (let i = 0; i < 3; i++) log.add('b');
  log.repeat();
  log.add('a');
  t.strictSame(log.lines, ['a', 'b   (4 times)', 'a']);
  t.end();
});
