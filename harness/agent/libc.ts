/** The system calls themselves, through koffi. Every number is checked first, every errno is read on the next line. */
import koffi from 'koffi';
import { descriptor, int32, uint32, within } from './guard.ts';
import { MMSGHDR, POLLFD } from './layout.ts';
import { MessageMemory } from './messages.ts';
import { CLOCK, MAX_BATCH } from './sys.ts';
import type { IncomingMessage, OptionResult, OutgoingMessage, SystemCalls } from './sys.ts';

/** Bytes in a CPU mask of 1024 CPUs, as glibc's cpu_set_t. */
const CPU_MASK_BYTES = 128;
const MAX_MESSAGES = 1024;

type Call = (...args: readonly (number | bigint | Buffer | null)[]) => number;

// The symbols of the process itself: whatever libc node was linked with, glibc or musl.
const libc = koffi.load(null);
const bound = (prototype: string): Call => libc.func(prototype) as Call;
const c = {
  socket: bound('int socket(int, int, int)'),
  bind: bound('int bind(int, void *, uint32_t)'),
  connect: bound('int connect(int, void *, uint32_t)'),
  close: bound('int close(int)'),
  getsockname: bound('int getsockname(int, void *, void *)'),
  setsockopt: bound('int setsockopt(int, int, int, void *, uint32_t)'),
  getsockopt: bound('int getsockopt(int, int, int, void *, void *)'),
  sendmsg: bound('int64_t sendmsg(int, void *, int)'),
  sendmmsg: bound('int sendmmsg(int, void *, uint32_t, int)'),
  recvmsg: bound('int64_t recvmsg(int, void *, int)'),
  recvmmsg: bound('int recvmmsg(int, void *, uint32_t, int, void *)'),
  poll: bound('int poll(void *, uint64_t, int)'),
  // Variadic in C; with one pointer argument both ABIs (x86-64, arm64 Linux) pass it as if it were not.
  ioctl: bound('int ioctl(int, uint64_t, void *)'),
  ioctlValue: bound('int ioctl(int, uint64_t, uint64_t)'),
  setns: bound('int setns(int, int)'),
  unshare: bound('int unshare(int)'),
  clock_gettime: bound('int clock_gettime(int, void *)'),
  clock_settime: bound('int clock_settime(int, void *)'),
  sched_setaffinity: bound('int sched_setaffinity(int, uint64_t, void *)'),
} as const;

/** The kernel's own way to say it: the return value, or minus the errno. */
function answer(ret: number): number {
  return ret < 0 ? -koffi.errno() : ret;
}

class Libc implements SystemCalls {
  readonly #out = new MessageMemory(MAX_MESSAGES);
  readonly #in = new MessageMemory(1);
  readonly #inMany = new MessageMemory(MAX_BATCH);
  readonly #length = Buffer.alloc(4);
  readonly #poll = Buffer.alloc(POLLFD.size);

  socket(family: number, type: number, protocol: number): number {
    return answer(c.socket(int32(family, 'family'), int32(type, 'type'), int32(protocol, 'protocol')));
  }
  bind(fd: number, name: Buffer): number {
    return answer(c.bind(descriptor(fd, 'fd'), name, name.length));
  }
  connect(fd: number, name: Buffer): number {
    return answer(c.connect(descriptor(fd, 'fd'), name, name.length));
  }
  close(fd: number): number {
    return answer(c.close(descriptor(fd, 'fd')));
  }
  getsockname(fd: number, into: Buffer): number {
    this.#length.writeUInt32LE(into.length);
    const ret = answer(c.getsockname(descriptor(fd, 'fd'), into, this.#length));
    return ret < 0 ? ret : Math.min(this.#length.readUInt32LE(), into.length);
  }
  setsockopt(fd: number, level: number, option: number, value: Buffer | null, length: number): number {
    if (value && length >= 0) within(length, value, 'optlen');
    const optlen = int32(length, 'optlen') >>> 0;
    return answer(
      c.setsockopt(descriptor(fd, 'fd'), int32(level, 'level'), int32(option, 'option'), value, optlen),
    );
  }
  getsockopt(fd: number, level: number, option: number, into: Buffer, length: number): OptionResult {
    if (length >= 0) within(length, into, 'optlen');
    this.#length.writeInt32LE(int32(length, 'optlen'));
    const ret = answer(
      c.getsockopt(descriptor(fd, 'fd'), int32(level, 'level'), int32(option, 'option'), into, this.#length),
    );
    return { ret, length: this.#length.readInt32LE() };
  }
  sendmsg(fd: number, message: OutgoingMessage, flags: number): number {
    this.#out.outgoing(message);
    return answer(c.sendmsg(descriptor(fd, 'fd'), this.#out.header, int32(flags, 'flags')));
  }
  sendmmsg(fd: number, messages: readonly OutgoingMessage[], flags: number, lengths: number[]): number {
    this.#out.outgoingMany(messages);
    const { header } = this.#out;
    const ret = answer(c.sendmmsg(descriptor(fd, 'fd'), header, messages.length, int32(flags, 'flags')));
    for (let i = 0; i < ret; i++) lengths.push(header.readUInt32LE(i * MMSGHDR.size + MMSGHDR.length));
    return ret;
  }
  recvmsg(fd: number, message: IncomingMessage, flags: number): number {
    this.#in.incoming(message);
    const { header } = this.#in;
    const ret = answer(c.recvmsg(descriptor(fd, 'fd'), header, int32(flags, 'flags')));
    if (ret >= 0) this.#in.written(message, 0);
    return ret;
  }
  recvmmsg(fd: number, messages: readonly IncomingMessage[], flags: number, lengths: number[]): number {
    this.#inMany.incomingMany(messages);
    const { header } = this.#inMany;
    const ret = answer(
      c.recvmmsg(descriptor(fd, 'fd'), header, messages.length, int32(flags, 'flags'), null),
    );
    for (let i = 0; i < ret; i++) {
      this.#inMany.written(messages[i] as IncomingMessage, i);
      lengths.push(header.readUInt32LE(i * MMSGHDR.size + MMSGHDR.length));
    }
    return ret;
  }
  poll(fd: number, events: number, timeoutMs: number): number {
    this.#poll.writeInt32LE(descriptor(fd, 'fd'), POLLFD.fd);
    this.#poll.writeInt16LE(events, POLLFD.events);
    this.#poll.writeInt16LE(0, POLLFD.revents);
    const ret = answer(c.poll(this.#poll, 1, int32(timeoutMs, 'timeout')));
    return ret > 0 ? this.#poll.readUInt16LE(POLLFD.revents) : ret;
  }
  ioctl(fd: number, request: number, argument: Buffer): number {
    return answer(c.ioctl(descriptor(fd, 'fd'), uint32(request, 'request'), argument));
  }
  ioctlValue(fd: number, request: number, value: number): number {
    const number = uint32(request, 'request');
    return answer(c.ioctlValue(descriptor(fd, 'fd'), number, uint32(value, 'value')));
  }
  setns(fd: number, type: number): number {
    return answer(c.setns(descriptor(fd, 'fd'), int32(type, 'type')));
  }
  unshare(flags: number): number {
    return answer(c.unshare(int32(flags, 'flags')));
  }
  clock(id: number): bigint {
    const into = Buffer.alloc(16);
    if (c.clock_gettime(int32(id, 'clock'), into) !== 0) throw new RangeError(`there is no clock ${id}`);
    return into.readBigInt64LE(0) * 1_000_000_000n + into.readBigInt64LE(8);
  }
  setRealtime(ns: bigint): number {
    const time = Buffer.alloc(16);
    time.writeBigInt64LE(ns / 1_000_000_000n, 0);
    time.writeBigInt64LE(ns % 1_000_000_000n, 8);
    return answer(c.clock_settime(CLOCK.realtime, time));
  }
  pin(cpu: number): number {
    const mask = Buffer.alloc(CPU_MASK_BYTES);
    mask.writeUInt8(1 << (cpu & 7), within(cpu >> 3, mask, 'CPU'));
    return answer(c.sched_setaffinity(0, CPU_MASK_BYTES, mask));
  }
}

/** The real system calls of this process. */
export const realSystemCalls: SystemCalls = new Libc();
