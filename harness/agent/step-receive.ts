/** receive: what waits on a socket, and the proof that nothing else does. */
import type { AgentStep } from '../contract/evidence.ts';
import type { Case } from './case.ts';
import { outcome, result } from './notation.ts';
import type { CallLog } from './notation.ts';
import { Receiving } from './receiving.ts';
import type { Receive } from './receiving.ts';
import { Sentinel } from './sentinel.ts';

/** Datagrams read beyond those wanted before a flood is called `more`. */
const SURPLUS = 64;
const EAGAIN = 11;
/**
 * How long to wait, before the sentinel is sent, for what is wanted and has not come. A softirq that was left to ksoftirqd runs as soon as
 * this thread sleeps. A sentinel sent meanwhile may overtake: gro_cells_receive() (net/core/gro_cells.c) passes cloned packets, which are those
 * that a capture holds, by the backlog, and others through NAPI, which comes later; whole ones are no clones any more behind a
 * tunnel (iptunnel_pull_offloads()).
 */
const DEFERRED_MS = 50;

/** Counters that one datagram of the agent's own raises. OutTransmits: 6.9 on. */
const SENT = {
  ipv4: ['UdpOutDatagrams', 'IpOutRequests', 'IpOutTransmits'],
  ipv6: ['Udp6OutDatagrams', 'Ip6OutRequests', 'Ip6OutTransmits'],
} as const;
const RECEIVED = {
  ipv4: ['UdpInDatagrams', 'IpInReceives', 'IpInDelivers'],
  ipv6: ['Udp6InDatagrams', 'Ip6InReceives', 'Ip6InDelivers'],
} as const;

export function receive(run: Case, action: Receive): AgentStep {
  const socket = run.socket(action.socket);
  const path = action.sentinel;
  const sentinel = path && Sentinel.on(run.topology, run.own, path, socket.protocol);
  const receiving = new Receiving(run, action, sentinel);
  const { log } = receiving;
  const peeking = action.flags.includes('MSG_PEEK');
  const done = (ret: number, drained?: AgentStep['drained']): AgentStep => ({
    ...outcome(ret),
    calls: log.lines,
    datagrams: receiving.datagrams,
    ...(drained ? { drained } : {}),
    ...(receiving.datagrams.some(({ atMs }) => atMs !== undefined) ? { slackMs: run.slackMs } : {}),
  });
  let sentinelSent = false;
  let waitedAfter = -1;
  const limit = action.want + SURPLUS;
  for (;;) {
    // A peek takes nothing away: there is no end to reach.
    if (peeking && receiving.count >= action.want) return done(receiving.count);
    if (receiving.count >= limit) return done(receiving.count, 'more');
    if (path && sentinel && !sentinelSent && receiving.count === action.want && !peeking) {
      sendSentinel(run, sentinel, path, log);
      sentinelSent = true;
    }
    const got = receiving.read(action.want - receiving.count);
    if (got === 'datagram') continue;
    if (got === 'sentinel') {
      if (path) run.countOwn(socket.ns, RECEIVED[path.family]);
      const before = receiving.count;
      while (receiving.count < limit && receiving.read(0) === 'datagram');
      return done(receiving.count, receiving.count === before ? 'sentinel' : 'more');
    }
    if (got !== -EAGAIN) return done(got);
    if (path && sentinel && !sentinelSent && !peeking) {
      // Once after each: what waits on the error queue makes the socket readable, too.
      if (receiving.count < action.want && receiving.count > waitedAfter) {
        waitedAfter = receiving.count;
        if (receiving.wait(Math.min(action.waitMs, DEFERRED_MS))) continue;
      }
      sendSentinel(run, sentinel, path, log);
      sentinelSent = true;
      continue;
    }
    if (!sentinelSent && receiving.count >= action.want) return done(receiving.count, 'empty');
    if (receiving.wait(action.waitMs)) continue;
    if (sentinelSent) return done(receiving.count, 'sentinel-lost');
    return done(receiving.count === 0 ? got : receiving.count, 'empty');
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
