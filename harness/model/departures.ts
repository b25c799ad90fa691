/** The time of a case as far as launch times tell it: when each packet leaves, and how far reads that wait for them have come. */
import { departure } from './launch.ts';
import type { Departure, Leaves } from './launch.ts';
import { UDP_HEADER, networkHeader } from './limits.ts';
import type { Network } from './network.ts';
import type { Request } from './request.ts';
import { Underivable } from './signals.ts';

/** Room in a send buffer that nobody changed (net.core.wmem_default), less what buffers take beside their bytes. */
const ROOM = 100_000;
const LINK_HEADER = 14;
/** TCA_FQ_LOW_RATE_THRESHOLD in bytes per second: up to it fq gives no credit, so that every packet waits for the one before. */
const LOW_RATE = 550_000 / 8;

export class Departures {
  readonly #network: Network;
  /** No sooner than so many ms after the first send. */
  #now = 0;
  /** Something waited: nobody knows for how long. */
  #waited = false;
  /** By socket: until when fq holds its flow, and the bytes it holds. */
  readonly #held = new Map<string, { until: number; bytes: number }>();

  /** By socket: when the next packet has its turn. */
  readonly #turns = new Map<string, number>();

  constructor(network: Network) {
    this.#network = network;
  }

  /** Undefined: nothing is held anywhere, and nothing to be said of its time. @throws Underivable */
  of(request: Request, bytes: number): Leaves | 'dropped' | undefined {
    const { path, launch, launchOption } = request;
    const went = departure(this.#network.queue(path), launchOption, launch);
    if (went === null && !launch) return undefined;
    if (went === 'dropped') return went;
    const rate = this.#network.queue(path).qdisc === 'fq' ? request.pacingRate : null;
    const leaves = this.#at(request, bytes, Math.max(went ?? 0, this.#turn(request.socket) - this.#now));
    if (rate !== null && this.#network.lowest(path.ns, path.dev) !== path.dev)
      throw new Underivable(`${path.dev} may hand segments to the queue, which each have their turn`);
    if (rate !== null) this.#pace(request, bytes, rate, leaves.afterMs);
    return leaves;
  }

  #turn(socket: string): number {
    return this.#turns.get(socket) ?? 0;
  }

  /** fq_dequeue(): the next packet's turn comes when this one would have been sent at that rate. */
  #pace(request: Request, bytes: number, rate: number, afterMs: number): void {
    if (rate > LOW_RATE) throw new Underivable('fq gives credit at such a pacing rate');
    const { socket, gso } = request;
    const count = gso > 0 ? Math.ceil(bytes / gso) : 1;
    // qdisc_pkt_len_segs_init(): as it will be on the wire.
    const length = bytes + count * (LINK_HEADER + networkHeader(request) + UDP_HEADER);
    this.#turns.set(socket, afterMs + (length * 1000) / rate);
  }

  #at({ socket, smallBuffer }: Request, bytes: number, delayMs: Exclude<Departure, 'dropped'>): Leaves {
    const afterMs = this.#now + delayMs;
    const held = this.#held.get(socket) ?? { until: 0, bytes: 0 };
    const waits = held.until > this.#now;
    if (waits && smallBuffer) throw new Underivable(`what waits in the queue fills the buffer of ${socket}`);
    // fq_dequeue() looks at a flow again when that time has come, also when something sooner joins it.
    if (waits && afterMs < held.until) throw new Underivable(`what ${socket} sent before holds its flow`);
    const total = (waits ? held.bytes : 0) + bytes;
    if (total > ROOM) throw new Underivable(`more may wait in the queue than ${socket} may send`);
    if (delayMs > 0) this.#held.set(socket, { until: Math.max(held.until, afterMs), bytes: total });
    return { afterMs, bounded: !this.#waited };
  }

  /** A read may wait; when it brought these, their time has come. */
  waitedFor(arrived: readonly { readonly leaves?: Leaves }[]): void {
    this.#waited = true;
    this.#now = Math.max(this.#now, ...arrived.map(({ leaves }) => leaves?.afterMs ?? 0));
  }

  /** Has its time come, for sure? */
  hasLeft(leaves: Leaves | undefined): boolean {
    return leaves === undefined || leaves.afterMs <= this.#now;
  }
}
