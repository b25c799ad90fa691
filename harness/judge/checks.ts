/** Holds one step's evidence against its expectation. Missing evidence throws {@link NoEvidence}: never a pass. */
import type { Datagram, Packet, StepEvidence } from '../contract/evidence.ts';
import type { Expectation, ExpectedDatagram, ExpectedPacket } from '../contract/expectation.ts';
import type { Action } from '../contract/program.ts';
import type { Check } from '../contract/result.ts';
import {
  fold,
  sameBytes,
  showCounters,
  showDatagrams,
  showExpected,
  showPackets,
  showReturn,
  showRuns,
  showValue,
} from './notation.ts';
import { checkCompletions, checkNotices } from './errors.ts';
import { hasControl, showControl, showGro } from './received-control.ts';
import { checkTimes } from './times.ts';
import { misstated } from './stated.ts';

/** The agent's record lacks what the check needs. */
export class NoEvidence extends Error {}

type Finding = Omit<Check, 'where' | 'name'> & { readonly aspect: string };

/** All checks of one step; at least one. */
export function checkStep(action: Action, expectation: Expectation, evidence: StepEvidence): Check[] {
  const name = describe(action);
  return findings(action, expectation, evidence).map(({ aspect, ...finding }) => ({
    name: aspect === '' ? name : `${name}: ${aspect}`,
    ...finding,
    where: expectation.where,
  }));
}

function findings(action: Action, expectation: Expectation, evidence: StepEvidence): Finding[] {
  const { expected } = expectation;
  if ('error' in expected)
    return [
      returned(
        showExpected(expected),
        showReturn(evidence),
        evidence.ret === -1 && evidence.errno === expected.error,
      ),
    ];
  const succeeded = evidence.ret !== -1;
  if (!succeeded) return [returned(showExpected(expected), showReturn(evidence), false)];
  if ('ok' in expected) {
    const same = expected.returns === undefined || expected.returns === evidence.ret;
    const list = [returned(showExpected(expected), showReturn(evidence), same)];
    if (expected.lengths) {
      const seen = need(evidence.lengths, 'msg_len of each message');
      list.push(
        compared('msg_len of each message', fold(expected.lengths.map(String)), fold(seen.map(String))),
      );
    }
    return list;
  }
  if ('value' in expected) return value(expected.value, need(evidence.value, 'the option value'));
  if ('datagrams' in expected) {
    const found = datagrams(expected.datagrams, evidence);
    // A peek takes nothing away: there is no end of the queue it could show.
    return action.do === 'receive' && action.flags.includes('MSG_PEEK') ? found : [...found, end(evidence)];
  }
  if ('bytes' in expected)
    return [
      compared('queue', `${expected.bytes} bytes`, `${need(evidence.bytes, 'the queue length')} bytes`),
    ];
  if ('notices' in expected) return checkNotices(expected.notices, need(evidence.errors, 'the error queue'));
  if ('completions' in expected)
    return checkCompletions(expected.completions, need(evidence.errors, 'the error queue'));
  if ('counters' in expected) return counters(expected.counters, need(evidence.counters, 'the counters'));
  return packets(expected.packets, evidence);
}

function datagrams(expected: readonly ExpectedDatagram[], evidence: StepEvidence): Finding[] {
  const seen = need(evidence.datagrams, 'the datagrams');
  const times = checkTimes(expected, seen, evidence.slackMs ?? 0);
  return [
    ...(times === null ? [] : need(times, 'the times of arrival')),
    compared('datagrams', showDatagrams(expected), showDatagrams(seen)),
    pairwise(
      'bytes',
      expected,
      seen,
      (d) => showRuns(d.payload),
      (e, s) => sameBytes(s.payload, e.payload),
    ),
    ...(expected.some(({ control }) => control)
      ? [pairwise('control messages', expected, seen, showControl, hasControl)]
      : []),
    pairwise('UDP_GRO cmsg', expected, seen, showGro, (e, s) => showGro(e) === showGro(s)),
    pairwise('msg_flags', expected, seen, showFlags, (e, s) => showFlags(e) === showFlags(s)),
  ];
}

function end(evidence: StepEvidence): Finding {
  const drained = need(evidence.drained, 'the proof that the queue is empty');
  return {
    aspect: 'nothing else arrives',
    ok: drained === 'sentinel' || drained === 'empty',
    expected: ['an empty queue'],
    actual: {
      sentinel: 'an empty queue',
      empty: 'an empty queue',
      more: 'more datagrams',
      'sentinel-lost': 'the end mark was lost on the way',
    }[drained],
  };
}

/** Compares item by item and names the first difference; counts are another check's business. */
function pairwise<E, S>(
  aspect: string,
  expected: readonly E[],
  seen: readonly S[],
  show: (item: E | S) => string,
  same: (e: E, s: S) => boolean,
): Finding {
  for (const [i, want] of expected.entries()) {
    const got = seen[i];
    if (got === undefined)
      return { aspect, ok: false, expected: [`${i}: ${show(want)}`], actual: `${i}: missing` };
    if (!same(want, got))
      return { aspect, ok: false, expected: [`${i}: ${show(want)}`], actual: `${i}: ${show(got)}` };
  }
  const extra = seen[expected.length];
  if (extra !== undefined)
    return { aspect, ok: false, expected: ['no more'], actual: `${expected.length}: ${show(extra)}` };
  return { aspect, ok: true, expected: ['as sent'], actual: 'as sent' };
}

function showFlags(datagram: Datagram | ExpectedDatagram): string {
  return datagram.flags.length === 0 ? '0' : [...datagram.flags].sort().join('|');
}

function packets(expected: readonly ExpectedPacket[], evidence: StepEvidence): Finding[] {
  const seen = need(evidence.packets, 'the captured packets');
  const drops = need(evidence.drops, "the capture's drop counter");
  if (drops !== 0) throw new NoEvidence(`the capture dropped ${drops} packets`);
  const times = checkTimes(expected, seen, evidence.slackMs ?? 0);
  return [
    ...(times === null ? [] : need(times, 'the times of the packets')),
    compared('packets', showPackets(expected), showPackets(seen)),
    pairwise(
      'bytes',
      expected,
      seen,
      (p) => showRuns(p.payload),
      (e, s) => sameBytes(s.payload, e.payload),
    ),
    { aspect: 'headers', ...headers(expected, seen) },
  ];
}

/** How many there are is another check's business. */
function headers(expected: readonly ExpectedPacket[], seen: readonly Packet[]): Omit<Finding, 'aspect'> {
  const wrong = misstated(expected, seen);
  if (!wrong) return { ok: true, expected: ['as stated'], actual: 'as stated' };
  return { ok: false, expected: [wrong.expected], actual: wrong.actual };
}

function value(
  expected: { readonly int?: number; readonly hex?: string; readonly length: number },
  seen: NonNullable<StepEvidence['value']>,
): Finding[] {
  return [
    compared(
      'value',
      showValue(expected),
      expected.int === undefined ? showValue({ hex: seen.hex }) : showValue(seen),
    ),
    compared('length', String(expected.length), String(seen.length)),
  ];
}

function counters(
  expected: Readonly<Record<string, number>>,
  seen: Readonly<Record<string, number>>,
): Finding[] {
  for (const name of Object.keys(expected)) need(seen[name], `counter ${name}`);
  return Object.entries(expected).map(([name, n]) =>
    compared(name, showCounters({ [name]: n }), showCounters({ [name]: seen[name] ?? NaN })),
  );
}

function returned(expected: string, actual: string, ok: boolean): Finding {
  return { aspect: '', ok, expected: [expected], actual };
}

function compared(aspect: string, expected: string, actual: string): Finding {
  return { aspect, ok: expected === actual, expected: [expected], actual };
}

function need<T>(fact: T | undefined, what: string): T {
  if (fact === undefined) throw new NoEvidence(`the record lacks ${what}`);
  return fact;
}

/** What a step's checks are called. */
export function describe(action: Action): string {
  switch (action.do) {
    case 'set':
      return `setsockopt ${action.option} on ${action.socket}`;
    case 'get':
      return `getsockopt ${action.option} on ${action.socket}`;
    case 'send':
      return `${action.call} on ${action.socket}`;
    case 'queue':
      return `SIOC${action.which.toUpperCase()}Q on ${action.socket}`;
    case 'counters':
      return `counters of ${action.ns}`;
    case 'change':
      return `${action.change.kind} change in ${action.change.ns}`;
    case 'inject':
      return `${action.packet.kind === 'udp' ? 'frame' : 'ICMP error'} injected on ${action.dev}`;
    case 'capture':
      return `capture on ${action.dev}`;
    case 'packets':
      return `packets of ${action.capture}`;
    case 'open':
      return `socket ${action.socket}`;
    case 'bind':
    case 'connect':
    case 'close':
    case 'errors':
    case 'receive':
      return `${action.do} on ${action.socket}`;
  }
}
