/** receive: what waits on a socket, and the proof that nothing else does. */
import { flagBits, flagNames, MSG_FLAGS } from '../abi/flags.ts';
import type { Datagram, ReceivedControl, StepEvidence } from '../contract/evidence.ts';
import type { Action } from '../contract/program.ts';
import { MAX_DATAGRAM } from './case.ts';
import type { Case, OpenSocket } from './case.ts';
import { decodeControl, describeFlags, describeReceived } from './control.ts';
import { CallLog, outcome, result } from './notation.ts';
import { arrival, slack } from './arrival.ts';
import { Sentinel } from './sentinel.ts';
import { formatSockaddr } from './sockaddr.ts';
import { MAX_BATCH, POLL } from './sys.ts';
import type { IncomingMessage } from './sys.ts';

type Receive = Extract<Action, { do: 'receive' }>;

/** Datagrams read beyond those wanted before a flood is called `more`. */
const SURPLUS = 64;
const EAGAIN = 11;
const DONTWAIT = MSG_FLAGS['MSG_DONTWAIT'] ?? 0;
const ERRQUEUE = MSG_FLAGS['MSG_ERRQUEUE'] ?? 0;
/** recvmsg leaves this flag of its caller in msg_flags (net/socket.c); it says nothing about the datagram. */
const CMSG_CLOEXEC = MSG_FLAGS['MSG_CMSG_CLOEXEC'] ?? 0;
const NO_CONTROL: readonly ReceivedControl[] = [];

/** Counters that one datagram of the agent's own raises. OutTransmits: 6.9 on. */
const SENT = {
  ipv4: ['UdpOutDatagrams', 'IpOutRequests', 'IpOutTransmits'],
  ipv6: ['Udp6OutDatagrams', 'Ip6OutRequests', 'Ip6OutTransmits'],
} as const;
const RECEIVED = {
  ipv4: ['UdpInDatagrams', 'IpInReceives', 'IpInDelivers'],
  ipv6: ['Udp6InDatagrams', 'Ip6InReceives', 'Ip6InDelivers'],
} as const;

/** One receive action as it goes on. */
class Receiving {
  readonly log = new CallLog();
  readonly datagrams: Datagram[] = [];
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
    this.datagrams.push({
      ...{ length: ret, payload, from: this.#from, flags, control },
      ...(atMs === undefined ? {} : { atMs }),
    });
    this.#noteDatagram(message, ret, control, batched);
    return 'datagram';
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

export function receive(run: Case, action: Receive): StepEvidence {
  const socket = run.socket(action.socket);
  const path = action.sentinel;
  const sentinel = path && Sentinel.on(run.topology, run.own, path, socket.protocol);
  const receiving = new Receiving(run, action, sentinel);
  const { datagrams, log } = receiving;
  const peeking = action.flags.includes('MSG_PEEK');
  const done = (ret: number, drained?: StepEvidence['drained']): StepEvidence => ({
    ...outcome(ret),
    calls: log.lines,
    datagrams,
    ...(drained ? { drained } : {}),
    ...(datagrams.some(({ atMs }) => atMs !== undefined) ? { slackMs: slack() } : {}),
  });
  let sentinelSent = false;
  const limit = action.want + SURPLUS;
  for (;;) {
    // A peek takes nothing away: there is no end to reach.
    if (peeking && datagrams.length >= action.want) return done(datagrams.length);
    if (datagrams.length >= limit) return done(datagrams.length, 'more');
    if (path && sentinel && !sentinelSent && datagrams.length === action.want && !peeking) {
      sendSentinel(run, sentinel, path, log);
      sentinelSent = true;
    }
    const got = receiving.read(action.want - datagrams.length);
    if (got === 'datagram') continue;
    if (got === 'sentinel') {
      if (path) run.countOwn(socket.ns, RECEIVED[path.family]);
      const before = datagrams.length;
      while (datagrams.length < limit && receiving.read(0) === 'datagram');
      return done(datagrams.length, datagrams.length === before ? 'sentinel' : 'more');
    }
    if (got !== -EAGAIN) return done(got);
    if (path && sentinel && !sentinelSent && !peeking) {
      sendSentinel(run, sentinel, path, log);
      sentinelSent = true;
      continue;
    }
    if (!sentinelSent && datagrams.length >= action.want) return done(datagrams.length, 'empty');
    if (receiving.wait(action.waitMs)) continue;
    if (sentinelSent) return done(datagrams.length, 'sentinel-lost');
    return done(datagrams.length === 0 ? got : datagrams.length, 'empty');
  }
}

function sendSentinel(
  run: Case,
  sentinel: Sentinel,
  path: NonNullable<Receive['sentinel']>,
  log: CallLog,
): void {
  const ret = sentinel.send(path.to);
  for (const wire of run.topology.wires) wire.pump();
  if (ret >= 0) run.countOwn(path.ns, SENT[path.family]);
  if (ret < 0) log.add(`sendmsg(the sentinel)${result(ret)}`);
}
