/** What the steps of one case share: its sockets, what it has sent, its topology, its deadline. */
import type { Program } from '../contract/program.ts';
import { slack } from './arrival.ts';
import type { Stamp } from './auxdata.ts';
import type { Capture } from './capture.ts';
import type { Counters } from './counters.ts';
import { Ledger } from './explain.ts';
import type { Cursor } from './explain.ts';
import { CLOCK, incomingMessage } from './sys.ts';
import type { IncomingMessage, SystemCalls } from './sys.ts';
import { MAX_STREAM } from './payload.ts';
import type { BuiltTopology } from './built-topology.ts';
import { now } from './now.ts';

export interface OpenSocket {
  readonly fd: number;
  readonly ns: string;
  /** AF_INET or AF_INET6 */
  readonly family: number;
  readonly protocol: number;
  /** Where in the streams the next received byte is expected. */
  readonly cursor: Cursor;
}

/** The case ran out of time. */
export class DeadlineError extends Error {
  constructor(ms: number) {
    super(`the case was not done after ${ms} ms`);
    this.name = 'DeadlineError';
  }
}

/** Most bytes a UDP socket can bring at a time, jumbograms aside. */
export const MAX_DATAGRAM = 65536;
const MAX_CONTROL = 4096;
const NS_PER_S = 1_000_000_000n;
const NS_PER_MS = 1e6;
/** One set of receive buffers for all cases: they are large, and only one receive happens at a time. */
let buffers: IncomingMessage | undefined;
const batch: IncomingMessage[] = [];

export class Case {
  /** Calls of the endpoints under test; a wrong endpoint may stand in between. */
  readonly sys: SystemCalls;
  /** Calls of the agent's own instruments: sentinel, capture. */
  readonly own: SystemCalls;
  readonly seed: number;
  readonly topology: BuiltTopology;
  readonly ledger: Ledger;
  readonly sockets = new Map<string, OpenSocket>();
  readonly captures = new Map<string, Capture>();
  /** By namespace: counters at the case's start, for those that will be asked about. */
  readonly countersBefore = new Map<string, Counters>();
  /** By namespace: what the agent's own instruments added to them. */
  readonly ownCounts = new Map<string, Map<string, number>>();
  /** CLOCK_REALTIME in ns. */
  firstSendAt: bigint | null = null;
  /** Buffers that the kernel may still read. */
  readonly kept: unknown[] = [];
  /** Some send had a launch time. */
  launches = false;
  /** CLOCK_PROCESS_CPUTIME_ID in ns. */
  #cpuBefore = 0n;
  readonly #deadlineMs: number;
  readonly #started = now();

  constructor(program: Program, topology: BuiltTopology, sys: SystemCalls, own: SystemCalls) {
    this.sys = sys;
    this.own = own;
    this.seed = program.seed;
    this.topology = topology;
    this.ledger = new Ledger(program.seed);
    this.#deadlineMs = program.deadlineMs;
  }

  socket(name: string): OpenSocket {
    const socket = this.sockets.get(name);
    if (!socket) throw new RangeError(`no socket ${name} is open`);
    return socket;
  }

  /** Call before anything is sent: times count from the first call. */
  beginSending(): void {
    if (this.firstSendAt !== null) return;
    this.#cpuBefore = this.own.clock(CLOCK.process);
    this.firstSendAt = this.own.clock(CLOCK.realtime);
  }

  /**
   * How late things may come, in ms: how late the machine is, and the processor time since the first send. A guest that its host
   * lets stand still for a while believes that its program ran meanwhile; one that waits for the kernel spends none.
   */
  get slackMs(): number {
    return slack() + Math.ceil(Number(this.own.clock(CLOCK.process) - this.#cpuBefore) / NS_PER_MS);
  }

  /** {@link firstSendAt} in two parts. */
  get origin(): Stamp | null {
    const at = this.firstSendAt;
    return at === null ? null : { seconds: Number(at / NS_PER_S), nanoseconds: Number(at % NS_PER_S) };
  }

  get receiveBuffers(): IncomingMessage {
    buffers ??= incomingMessage(MAX_STREAM, MAX_CONTROL);
    return buffers;
  }

  /** Buffers for `count` datagrams of {@link MAX_DATAGRAM} bytes. */
  receiveBatch(count: number): IncomingMessage[] {
    while (batch.length < count) batch.push(incomingMessage(MAX_DATAGRAM, MAX_CONTROL));
    return batch.slice(0, count);
  }

  /** Milliseconds until the deadline. @throws DeadlineError when there are none. */
  timeLeft(): number {
    const left = this.#deadlineMs - (now() - this.#started);
    if (left <= 0) throw new DeadlineError(this.#deadlineMs);
    return left;
  }

  /** Notes that the agent itself made these counters of `ns` go up by one. */
  countOwn(ns: string, names: readonly string[]): void {
    const counts = this.ownCounts.get(ns) ?? new Map<string, number>();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    this.ownCounts.set(ns, counts);
  }

  /** Closes every socket, whatever happened. */
  close(): void {
    for (const { fd } of this.sockets.values()) this.own.close(fd);
    this.sockets.clear();
  }
}
