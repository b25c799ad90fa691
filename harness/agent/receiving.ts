/** One receive action as it goes on: calls, what they brought, and how both are told. */
import { flagBits, flagNames, MSG_FLAGS } from '../abi/flags.ts';
import type { ReceivedControl, RepeatedDatagram } from '../contract/evidence.ts';
import type { Action } from '../contract/program.ts';
import { arrival } from './arrival.ts';
import { MAX_DATAGRAM } from './case.ts';
import type { Case, OpenSocket } from './case.ts';
import { decodeControl, describeFlags, describeReceived } from './control.ts';
import { CallLog, result } from './notation.ts';
import type { Sentinel } from './sentinel.ts';
import { formatSockaddr } from './sockaddr.ts';
import { MAX_BATCH, POLL } from './sys.ts';
import type { IncomingMessage } from './sys.ts';

export type Receive = Extract<Action, { do: 'receive' }>;

/** sizeof(struct sockaddr_in), and of sockaddr_in6, the longest name here. */
const SOCKADDR_IN = 16;
const SOCKADDR_IN6 = 28;
const DONTWAIT = MSG_FLAGS['MSG_DONTWAIT'] ?? 0;
const ERRQUEUE = MSG_FLAGS['MSG_ERRQUEUE'] ?? 0;
/** recvmsg leaves this flag of its caller in msg_flags (net/socket.c); it says nothing about the datagram. */
const CMSG_CLOEXEC = MSG_FLAGS['MSG_CMSG_CLOEXEC'] ?? 0;
const NO_CONTROL: readonly ReceivedControl[] = [];

export class Receiving {
  readonly log = new CallLog();
  readonly datagrams: RepeatedDatagram[] = [];
  /** How many there are, repeated ones included. */
  count = 0;
  readonly #run: Case;
  readonly #socket: OpenSocket;
  readonly #flags: number;
  readonly #action: Receive;
  readonly #sentinel: Sentinel | undefined;
  /** Flags that make one call differ from the next: then there is one datagram per call. */
  readonly #single: boolean;
  /** What recvmmsg brought and nobody has looked at yet. */
  #batch: readonly IncomingMessage[] = [];
  #lengths: number[] = [];
  #at = 0;
  /** Of the call logged last, -1 when another one cannot be equal to it. */
  #lastRet = -1;
  #lastFlags = 0;
  #lastFrom = '';
  #from = '';
  #fromBytes = Buffer.alloc(0);
  /** The one that another may be just like. */
  #last: { datagram: { readonly length: number; times?: number }; stream: number } | undefined;
  /** Behind its bytes, in its stream. */
  #lastEnd = 0;
  readonly #lastName = new Uint32Array(SOCKADDR_IN6 / 4);

  constructor(run: Case, action: Receive, sentinel: Sentinel | undefined) {
    this.#run = run;
    this.#action = action;
    this.#socket = run.socket(action.socket);
    this.#flags = flagBits(action.flags) | DONTWAIT;
    this.#single = action.flags.length > 0 || action.buffer > MAX_DATAGRAM;
    this.#sentinel = sentinel;
  }

  /**
   * One datagram more, the sentinel, or minus an errno. `due`: datagrams that are still wanted; as many are asked for in one
   * call, so that the sentinel is sent when they have come.
   */
  read(due: number): 'datagram' | 'sentinel' | number {
    const { fd } = this.#socket;
    const waiting = this.#batch[this.#at];
    if (waiting) return this.#take(waiting, this.#lengths[this.#at++] ?? 0, true);
    const { buffer, control } = this.#action;
    if (this.#single || due < 2) {
      const message = fitted(this.#run.receiveBuffers, buffer, control);
      const ret = this.#run.sys.recvmsg(fd, message, this.#flags);
      if (ret >= 0) return this.#take(message, ret, false);
      this.#note(`recvmsg(${fd}, …, ${describeFlags(this.#flags)})${result(ret)}`);
      return ret;
    }
    const count = Math.min(due, MAX_BATCH);
    const batch = this.#run.receiveBatch(count).map((message) => fitted(message, buffer, control));
    const lengths: number[] = [];
    const ret = this.#run.sys.recvmmsg(fd, batch, this.#flags, lengths);
    this.#note(`recvmmsg(${fd}, …, ${count}, ${describeFlags(this.#flags)}, NULL)${result(ret)}`);
    if (ret < 0) return ret;
    this.#batch = batch.slice(0, lengths.length);
    this.#lengths = lengths;
    this.#at = 0;
    return this.read(due);
  }

  #take(message: IncomingMessage, ret: number, batched: boolean): 'datagram' | 'sentinel' {
    if (this.#isAnother(message, ret)) return 'datagram';
    const { fd, cursor } = this.#socket;
    // With MSG_TRUNC in the call's flags the return value is the true size, beyond what was stored.
    const stored = message.data.subarray(0, Math.min(ret, message.dataRoom));
    const name = message.name.subarray(0, message.nameLength);
    if (this.#sentinel?.is(stored, name)) {
      this.#note(
        batched
          ? '  {the sentinel}'
          : `recvmsg(${fd}, {the sentinel}, ${describeFlags(this.#flags)})${result(ret)}`,
      );
      return 'sentinel';
    }
    const control =
      message.controlLength === 0
        ? NO_CONTROL
        : decodeControl(message.control.subarray(0, Math.min(message.controlLength, message.controlRoom)));
    const payload = this.#run.ledger.explain(stored, cursor);
    if (!this.#fromBytes.equals(name)) {
      this.#fromBytes = Buffer.from(name);
      this.#from = formatSockaddr(name);
    }
    const flags = flagNames(message.flags & ~CMSG_CLOEXEC);
    const atMs = control === NO_CONTROL ? undefined : arrival(control, this.#run.firstSendAt);
    const datagram = {
      ...{ length: ret, payload, from: this.#from, flags, control },
      ...(atMs === undefined ? {} : { atMs }),
    };
    this.datagrams.push(datagram);
    this.count++;
    this.#noteDatagram(message, ret, control, batched);
    const [run, more] = payload;
    const repeatable = control === NO_CONTROL && run && !more && !('foreign' in run);
    this.#last = repeatable ? { datagram, stream: run.stream } : undefined;
    if (!repeatable) return 'datagram';
    this.#lastEnd = run.at + run.length;
    this.#lastName.set(message.nameWords.subarray(0, this.#lastName.length));
    return 'datagram';
  }

  /** Of 45 segments 43 are like the one before them: seeing so costs less than looking at each. */
  #isAnother(
    { data, dataRoom, flags, controlLength, nameLength, nameWords }: IncomingMessage,
    ret: number,
  ): boolean {
    const last = this.#last;
    if (!last || ret !== last.datagram.length || ret > dataRoom) return false;
    if (controlLength !== 0 || flags !== this.#lastFlags || ret !== this.#lastRet) return false;
    if (nameLength !== this.#fromBytes.length || nameLength > SOCKADDR_IN6) return false;
    // Behind an IPv4 address there are only zeros.
    const words = nameLength === SOCKADDR_IN ? 2 : nameLength / 4;
    for (let word = 0; word < words; word++) if (nameWords[word] !== this.#lastName[word]) return false;
    const { cursor } = this.#socket;
    if (cursor.at !== this.#lastEnd || this.#run.ledger.streamAt(cursor) !== last.stream) return false;
    if (this.#run.ledger.next(data, 0, ret, cursor) === undefined) return false;
    this.#lastEnd += ret;
    last.datagram.times = (last.datagram.times ?? 1) + 1;
    this.count++;
    this.log.repeat();
    return true;
  }

  /** Waits for the socket to become readable. False when `ms` passed. */
  wait(ms: number): boolean {
    const { fd } = this.#socket;
    const events = this.#flags & ERRQUEUE ? 0 : POLL.IN;
    const patience = Math.ceil(Math.min(ms, this.#run.timeLeft()));
    const ready = this.#run.sys.poll(fd, events, patience);
    this.#note(`poll({${fd}, POLLIN}, 1, ${patience})${result(ready > 0 ? 1 : ready)}`);
    // A wait cut short by the deadline says nothing about the socket: timeLeft() throws.
    if (ready === 0 && patience < ms) this.#run.timeLeft();
    return ready > 0;
  }

  /** Building the same line 45 times over is the dearest part of a receive. */
  #noteDatagram(
    { dataRoom, flags, controlLength }: IncomingMessage,
    ret: number,
    control: readonly ReceivedControl[],
    batched: boolean,
  ): void {
    const { fd } = this.#socket;
    const same = ret === this.#lastRet && flags === this.#lastFlags && this.#from === this.#lastFrom;
    if (same && controlLength === 0) {
      this.log.repeat();
      return;
    }
    this.#lastRet = controlLength === 0 ? ret : -1;
    this.#lastFlags = flags;
    this.#lastFrom = this.#from;
    const parts = [`name=${this.#from}`, `iov=[${ret} of ${dataRoom}]`];
    if (control.length > 0) parts.push(`control=${describeReceived(control)}`);
    if (flags & ~CMSG_CLOEXEC) parts.push(`flags=${describeFlags(flags & ~CMSG_CLOEXEC)}`);
    const header = `{${parts.join(', ')}}`;
    this.log.add(
      batched ? `  ${header}` : `recvmsg(${fd}, ${header}, ${describeFlags(this.#flags)})${result(ret)}`,
    );
  }

  #note(line: string): void {
    this.#lastRet = -1;
    this.log.add(line);
  }
}

function fitted(message: IncomingMessage, data: number, control: number): IncomingMessage {
  message.dataRoom = data;
  message.controlRoom = control;
  return message;
}
