/** When things are to leave, and when they may arrive or pass. */
import type { Expected } from '../contract/expectation.ts';
import type { ControlMessage } from '../contract/program.ts';
import type { Draft } from './draft.ts';
import { beginSending as begin, clockNs } from './helpers/times.ts';

type Txtime = Extract<ControlMessage['value'], { readonly txtime: unknown }>['txtime'];

const CLOCKS: Readonly<Record<Txtime['clock'], string>> = { monotonic: 'CLOCK_MONOTONIC', tai: 'CLOCK_TAI' };
const BEGIN = 'begin_sending();';

function expectations(draft: Draft): readonly Expected[] {
  return draft.planned.expectations.map(({ expected }) => expected);
}

/** Does the case state of some datagram when it arrives? */
export function tellsArrivals(draft: Draft): boolean {
  return expectations(draft).some(
    (expected) => 'datagrams' in expected && expected.datagrams.some(({ afterMs }) => afterMs !== undefined),
  );
}

function tellsPassing(draft: Draft): boolean {
  return expectations(draft).some(
    (expected) => 'packets' in expected && expected.packets.some(({ afterMs }) => afterMs !== undefined),
  );
}

/** Comes before each step that sends; says something once, and only where the case states times. */
export function beginSending(draft: Draft): void {
  if (draft.steps.includes(`\t${BEGIN}`) || !(tellsArrivals(draft) || tellsPassing(draft))) return;
  draft.use(begin);
  draft.write(BEGIN);
}

/** Data of SCM_TXTIME, worked out as the call is made: a pointer, its length in bytes, and how it is shown. */
export function launchTime(draft: Draft, { clock, delta }: Txtime): [string, number, string] {
  draft.use(clockNs);
  const later = `${delta < 0 ? '-' : '+'} ${Math.abs(delta)}`;
  return [`&(uint64_t){ clock_ns(${CLOCKS[clock]}) ${later} }`, 8, `${clock} now ${later} ns`];
}
