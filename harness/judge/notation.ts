/** One notation for what was expected and what was seen, so that the two can be read one under the other. */
import type { Datagram, Packet, Run, StepEvidence } from '../contract/evidence.ts';
import type {
  Expected,
  ExpectedCompletions,
  ExpectedDatagram,
  ExpectedPacket,
  Slice,
} from '../contract/expectation.ts';

/** `44 × 1472, 739`: equal neighbours folded. */
export function fold(items: readonly string[]): string {
  const parts: string[] = [];
  for (let i = 0; i < items.length;) {
    let n = 1;
    while (i + n < items.length && items[i + n] === items[i]) n++;
    parts.push(n === 1 ? (items[i] ?? '') : `${n} × ${items[i] ?? ''}`);
    i += n;
  }
  return parts.length === 0 ? 'none' : parts.join(', ');
}

/** `bytes 1472..2943 of send 0`, or the foreign bytes themselves. */
export function showRun(run: Run | Slice): string {
  if ('foreign' in run)
    return `${run.length} foreign byte${run.length === 1 ? '' : 's'} (${run.foreign.slice(0, 64)}${run.length > 32 ? '…' : ''})`;
  if (run.length === 0) return 'nothing';
  if (run.length === 1) return `byte ${run.at} of send ${run.stream}`;
  return `bytes ${run.at}..${run.at + run.length - 1} of send ${run.stream}`;
}

export function showRuns(runs: readonly (Run | Slice)[]): string {
  return runs.length === 0 ? 'nothing' : runs.map(showRun).join(' + ');
}

/** True when both describe the same bytes in the same order, however they are cut into stretches. */
export function sameBytes(seen: readonly Run[], expected: readonly Slice[]): boolean {
  const a = joined(seen);
  const b = joined(expected);
  return (
    a.length === b.length &&
    a.every((run, i) => {
      const want = b[i];
      return (
        want !== undefined &&
        !('foreign' in run) &&
        !('foreign' in want) &&
        run.stream === want.stream &&
        run.at === want.at &&
        run.length === want.length
      );
    })
  );
}

/** Merges stretches that continue each other; drops empty ones. */
function joined(runs: readonly (Run | Slice)[]): (Run | Slice)[] {
  const out: (Run | Slice)[] = [];
  for (const run of runs) {
    if (run.length === 0) continue;
    const last = out.at(-1);
    if (
      last &&
      !('foreign' in last) &&
      !('foreign' in run) &&
      last.stream === run.stream &&
      last.at + last.length === run.at
    ) {
      out[out.length - 1] = { ...last, length: last.length + run.length };
    } else out.push(run);
  }
  return out;
}

export function showDatagrams(list: readonly (Datagram | ExpectedDatagram)[]): string {
  return fold(list.map((d) => String(d.length)));
}

/** Payload bytes per packet. */
export function showPackets(list: readonly (Packet | ExpectedPacket)[]): string {
  return fold(list.map((p) => String(p.payload.reduce((n, run) => n + run.length, 0))));
}

/** What a step was to give, in one line. */
export function showExpected(expected: Expected): string {
  if ('error' in expected) return `-1 ${expected.error}`;
  if ('ok' in expected) return expected.returns === undefined ? 'success' : String(expected.returns);
  if ('value' in expected) return `${showValue(expected.value)} (length ${expected.value.length})`;
  if ('datagrams' in expected) return showDatagrams(expected.datagrams);
  if ('bytes' in expected) return `${expected.bytes} bytes`;
  if ('notices' in expected) return showNotices(expected.notices);
  if ('completions' in expected) return showCompletions(expected.completions);
  if ('counters' in expected) return showCounters(expected.counters);
  return showPackets(expected.packets);
}

/** `2 × timestamping, icmp`: who put notices on an error queue. */
export function showNotices(list: readonly { readonly origin: string }[]): string {
  return fold(list.map(({ origin }) => origin));
}

export function showCompletions({ first, last, copied }: ExpectedCompletions): string {
  return `${first}..${last}${copied ? ' copied' : ' not copied'}`;
}

/** What a step gave, in one line. */
export function showReturn(evidence: StepEvidence): string {
  return evidence.ret === -1 ? `-1 ${evidence.errno ?? 'without errno'}` : String(evidence.ret);
}

export function showValue(value: { readonly int?: number; readonly hex?: string }): string {
  if (value.int !== undefined) return String(value.int);
  return value.hex === undefined || value.hex === '' ? 'nothing' : `0x${value.hex}`;
}

export function showCounters(counters: Readonly<Record<string, number>>): string {
  return Object.entries(counters)
    .map(([name, n]) => `${name} +${n}`)
    .join(', ');
}
