import t from 'tap';
import { departure, placeByTime, showLeaving } from './launch.ts';
import type { Launch, LaunchOption, Leaves } from './launch.ts';

const fq = { kind: 'veth', qdisc: 'fq' } as const;
const etf = { kind: 'veth', qdisc: 'etf' } as const;
const option = (clock: LaunchOption['clock'], deadline = false): LaunchOption => ({ clock, deadline });
const launch = (deltaMs: number, clock: Launch['clock'] = 'monotonic'): Launch => ({ clock, deltaMs });
const at = (afterMs: number, bounded = true): { leaves: Leaves } => ({ leaves: { afterMs, bounded } });

t.test('fq holds a packet until its time, lets one without leave, and drops one beyond its horizon', (t) => {
  t.equal(departure(fq, null, null), 0);
  t.equal(departure(fq, option('monotonic'), launch(200)), 200);
  t.equal(departure(fq, option('monotonic'), launch(-200)), 0);
  t.equal(departure(fq, option('monotonic'), launch(30_000)), 'dropped');
  t.throws(() => departure(fq, option('tai'), launch(200, 'tai')), /CLOCK_MONOTONIC/u);
  t.end();
});

t.test('etf hands on ahead of the time, and drops what has none, another clock, or is late', (t) => {
  t.equal(departure(etf, option('tai'), launch(600, 'tai')), 200);
  t.equal(departure(etf, option('tai'), launch(-1, 'tai')), 'dropped');
  t.equal(departure(etf, option('monotonic'), launch(600)), 'dropped');
  t.equal(departure(etf, option('tai', true), launch(600, 'tai')), 'dropped');
  t.equal(departure(etf, null, null), 'dropped');
  t.throws(() => departure(etf, option('tai'), launch(100, 'tai')), /too late/u);
  t.end();
});

t.test('without a queue nothing is held; of devices with a queue of their own nobody knows', (t) => {
  t.equal(departure({ kind: 'veth', qdisc: undefined }, option('monotonic'), launch(200)), null);
  t.equal(departure({ kind: 'tap', qdisc: 'pfifo' }, option('monotonic'), launch(200)), null);
  t.throws(() => departure({ kind: 'tap', qdisc: undefined }, option('monotonic'), launch(200)), /tap/u);
  t.end();
});

t.test('what leaves sooner takes its place before what waits, unless that is a close race', (t) => {
  const waiting = [at(0), at(400)];
  placeByTime(waiting, [at(200), at(200)]);
  t.strictSame(waiting, [at(0), at(200), at(200), at(400)]);
  placeByTime(waiting, [at(400)]);
  t.equal(waiting.length, 5);
  t.throws(() => {
    placeByTime(waiting, [at(380)]);
  }, /nearly the same time/u);
  t.end();
});

t.test('a packet that left in time reads the same on both sides, one that did not by its own time', (t) => {
  t.strictSame(showLeaving({ afterMs: 200, bounded: true }, 200.4, 100), {
    expected: '200 to 300 ms',
    actual: '200 to 300 ms',
  });
  t.equal(showLeaving({ afterMs: 200, bounded: true }, 50.25, 100).actual, '50.25 ms');
  t.equal(showLeaving({ afterMs: 200, bounded: true }, 300.001, 100).actual, '300.001 ms');
  t.equal(showLeaving({ afterMs: 200, bounded: false }, 3000, 100).actual, '200 ms or later');
  t.equal(showLeaving({ afterMs: 200, bounded: false }, undefined, 100).actual, 'not told');
  t.end();
});
