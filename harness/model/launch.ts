/**
 * When packets leave that have a launch time: net/sched/sch_fq.c, sch_etf.c. A GSO packet has one, and all its segments leave
 * at it: software cuts them behind the queue.
 */
import { ETF_LEAD_MS } from '../contract/topology.ts';
import type { LinkKind, Qdisc } from '../contract/topology.ts';
import { Underivable } from './signals.ts';

/** SCM_TXTIME. */
export interface Launch {
  readonly clock: 'monotonic' | 'tai';
  /** From the moment of the send on. */
  readonly deltaMs: number;
}

/** SO_TXTIME: struct sock_txtime. */
export interface LaunchOption {
  /** A number of CLOCK_…; what fq and etf go by has a name. */
  readonly clock: 'monotonic' | 'tai' | number;
  /** SOF_TXTIME_DEADLINE_MODE */
  readonly deadline: boolean;
}

/** When a packet leaves, in ms since the first send of the case. */
export interface Leaves {
  readonly afterMs: number;
  /** Nothing held the case up before: it leaves no later than the machine itself is late. */
  readonly bounded: boolean;
}

/** So much later than its send; or not at all. */
export type Departure = number | 'dropped';

/** What a packet leaves by: a queueing discipline, or nothing of the kind. */
export interface Queue {
  readonly kind: LinkKind;
  readonly qdisc: Qdisc | undefined;
}

/** TCA_FQ_HORIZON: 10 s, unless somebody changes it. */
const HORIZON_MS = 10_000;
/** Less than that apart, nobody knows what comes first. */
const APART_MS = 50;
/** Without a queue by nature (IFF_NO_QUEUE): what is sent leaves. */
const NO_QUEUE: ReadonlySet<LinkKind> = new Set(
  ...[['lo', 'dummy', 'veth', 'vlan', 'macvlan', 'ipvlan', 'bridge', 'bond', 'team'] as const],
);

/** Null: the queue lets everything go as it comes. @throws Underivable */
export function departure(
  queue: Queue,
  option: LaunchOption | null,
  launch: Launch | null,
): Departure | null {
  const { kind, qdisc } = queue;
  if (qdisc === 'fq') return byFq(option, launch);
  if (qdisc === 'etf') return byEtf(option, launch);
  if (launch && launch.deltaMs > 0 && qdisc === undefined && !NO_QUEUE.has(kind))
    throw new Underivable(`nobody knows what queue a ${kind} device has`);
  return null;
}

/** fq_enqueue(): a time that has passed means now, one beyond the horizon that the packet is dropped. */
function byFq(option: LaunchOption | null, launch: Launch | null): Departure {
  if (!launch) return 0;
  if (option?.clock !== 'monotonic' || launch.clock !== 'monotonic')
    throw new Underivable('fq goes by CLOCK_MONOTONIC');
  if (Math.abs(launch.deltaMs - HORIZON_MS) < APART_MS) throw new Underivable("a launch at fq's horizon");
  return launch.deltaMs > HORIZON_MS ? 'dropped' : Math.max(0, launch.deltaMs);
}

/** is_packet_valid(): of a socket with a launch time by the queue's own clock and mode, which has not passed. */
function byEtf(option: LaunchOption | null, launch: Launch | null): Departure {
  if (option?.clock !== 'tai' || option.deadline || !launch || launch.clock !== 'tai') return 'dropped';
  if (launch.deltaMs <= 0) return 'dropped';
  if (launch.deltaMs < ETF_LEAD_MS) throw new Underivable('etf may come to it too late');
  return launch.deltaMs - ETF_LEAD_MS;
}

/** Puts what leaves at `leaves` in its place among what is still to leave. @throws Underivable when that is a close race */
export function placeByTime<T extends { readonly leaves?: Leaves | undefined }>(
  waiting: T[],
  added: readonly T[],
): void {
  for (const one of added) {
    const at = one.leaves?.afterMs ?? 0;
    let index = waiting.length;
    while (index > 0 && (waiting[index - 1]?.leaves?.afterMs ?? 0) > at) index--;
    const next = waiting[index]?.leaves?.afterMs;
    if (next !== undefined && next - at < APART_MS)
      throw new Underivable('two packets leave at nearly the same time');
    waiting.splice(index, 0, one);
  }
}

/** Expected and seen in one notation, equal when it left in time. `slackMs`: how late the machine may be. */
export function showLeaving(
  { afterMs, bounded }: Leaves,
  atMs: number | undefined,
  slackMs: number,
): { readonly expected: string; readonly actual: string } {
  const latest = bounded ? afterMs + slackMs : Infinity;
  const expected = bounded ? `${afterMs} to ${latest} ms` : `${afterMs} ms or later`;
  if (atMs === undefined) return { expected, actual: 'not told' };
  return { expected, actual: atMs >= afterMs && atMs <= latest ? expected : `${atMs} ms` };
}
