/** Holds a step's evidence against what the model says of it: always, whatever the case itself states. */
import type { Datagram, StepEvidence } from '../contract/evidence.ts';
import type { Expectation } from '../contract/expectation.ts';
import type { Action } from '../contract/program.ts';
import type { Check, ComparedPacket } from '../contract/result.ts';
import { differences, wrongFields } from '../model/compare.ts';
import { showLeaving } from '../model/launch.ts';
import type { ModelDatagram } from '../model/receivers.ts';
import type { StepModel } from '../model/walk.ts';
import { settleSums } from './fragments.ts';
import { sameBytes, showReturn, showRuns } from './notation.ts';

/** Name of the aspect in a check's name. */
const ASPECT = { packets: 'packet-model', other: 'model' } as const;
const AS_MODELLED = 'as the model has it';

/** Null where the model has nothing to say about this kind of step. */
export function checkModel(
  name: string,
  action: Action,
  model: StepModel,
  evidence: StepEvidence,
  { where }: Expectation,
  seed: number,
): Check | null {
  if (model.kind === 'none') return null;
  const check = (ok: boolean, expected: string, actual: string, more: Partial<Check> = {}): Check => ({
    name: `${name}: ${action.do === 'packets' ? ASPECT.packets : ASPECT.other}`,
    ok,
    expected: [expected],
    actual,
    where,
    ...more,
  });
  // Said openly: the case's own expectation is then all there is.
  if (model.kind === 'unknown') return check(true, `not derivable: ${model.why}`, 'judged by the case alone');
  if (model.kind === 'returns') {
    const seen = showReturn(evidence);
    return check(seen === model.value, model.value, seen);
  }
  if (model.kind === 'datagrams') {
    if (!evidence.datagrams) return null;
    const found = firstDifference(model.datagrams, evidence.datagrams, evidence.slackMs ?? 0);
    return found ? check(false, found.expected, found.actual) : check(true, AS_MODELLED, AS_MODELLED);
  }
  if (!evidence.packets) return null;
  const lines = differences(model.packets, settleSums(evidence.packets, seed), evidence.slackMs);
  const line = lines?.find((one) => one.presence !== 'both' || wrongFields(one).length > 0);
  if (!lines || !line) return check(true, AS_MODELLED, AS_MODELLED);
  return check(false, side(line, 'expected'), side(line, 'actual'), { comparison: lines });
}

/** The wrong fields only: the whole packets are in the comparison. */
function side(line: ComparedPacket, which: 'expected' | 'actual'): string {
  const { index, presence } = line;
  if (presence === (which === 'expected' ? 'surplus' : 'missing')) return `no packet ${index}`;
  const fields = presence === 'both' ? wrongFields(line) : line.fields;
  const texts = fields.map((field) => `${field.name} ${field[which] === '' ? 'none' : field[which]}`);
  return `packet ${index}: ${texts.join(', ')}`;
}

function firstDifference(
  expected: readonly ModelDatagram[],
  seen: readonly Datagram[],
  slackMs: number,
): { expected: string; actual: string } | null {
  for (let i = 0; i < Math.max(expected.length, seen.length); i++) {
    const want = expected[i];
    const got = seen[i];
    if (want && got && same(want, got)) {
      // Without SO_TIMESTAMPNS on the socket nobody says when it came.
      const leaving = want.leaves && got.atMs !== undefined && showLeaving(want.leaves, got.atMs, slackMs);
      if (!leaving || leaving.expected === leaving.actual) continue;
      return { expected: `${i}: at ${leaving.expected}`, actual: `${i}: at ${leaving.actual}` };
    }
    const seenAs = got && { ...got, gro: groOf(got), from: want?.from === null ? null : got.from };
    return { expected: `${i}: ${text(want)}`, actual: `${i}: ${text(seenAs)}` };
  }
  return null;
}

function same(want: ModelDatagram, got: Datagram): boolean {
  return (
    want.length === got.length &&
    want.gro === groOf(got) &&
    (want.from === null || want.from === got.from) &&
    sameBytes(got.payload, want.payload)
  );
}

function groOf({ control }: Datagram): number | null {
  return control.find(({ level, type }) => level === 'SOL_UDP' && type === 'UDP_GRO')?.int ?? null;
}

function text(
  datagram:
    | (Pick<Datagram, 'length' | 'payload'> & { readonly gro: number | null; readonly from: string | null })
    | undefined,
): string {
  if (!datagram) return 'none';
  const { length, payload, gro, from } = datagram;
  const parts = [`${length} bytes`, showRuns(payload), gro === null ? 'no UDP_GRO' : `UDP_GRO ${gro}`];
  return (from === null ? parts : [...parts, `from ${from}`]).join(', ');
}
