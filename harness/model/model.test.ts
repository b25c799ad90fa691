/** The model and the suites were written apart; here each is held against the other, for every kernel there are rules for. */
import { join } from 'node:path';
import t from 'tap';
import type { Expectation, Expected, PlannedCase } from '../contract/expectation.ts';
import type { Action } from '../contract/program.ts';
import { sameBytes, showRuns } from '../judge/notation.ts';
import { loadProject } from '../load/project.ts';
import { planTarget } from '../plan/target.ts';
import { stated } from '../plan/version.ts';
import { Walk } from './walk.ts';
import type { StepModel } from './walk.ts';

const project = loadProject(join(import.meta.dirname, '..', '..'));
const KERNELS = ['5.10.262', '5.15.200', '6.1.192', '6.6.100', '6.12.117', '6.18.9', '7.3.4'];

/** Every variant as a kernel of this version has to show it. */
function planned(version: string): PlannedCase[] {
  const { topologies, behaviours } = project;
  const states = Object.fromEntries(
    behaviours.list.map((behaviour) => [behaviour.name, stated(behaviour, version) === 'must-have']),
  );
  const has = (name: string): boolean => states[name] ?? false;
  const cases = project.suites.flatMap((suite) => suite.cases);
  return [...planTarget(cases, { topologies, behaviours, has, states })].filter(
    ({ skip }) => skip === undefined,
  );
}

function outcome({ expected }: Expectation): { ok: boolean; sent: number } {
  if ('error' in expected) return { ok: false, sent: 0 };
  return { ok: true, sent: 'ok' in expected ? (expected.returns ?? Infinity) : Infinity };
}

/** Where the two disagree, or null. What a case does not state cannot. */
function disagreement(model: StepModel, expected: Expected): string | null {
  if (model.kind === 'returns') {
    const said =
      'error' in expected ? `-1 ${expected.error}` : 'ok' in expected ? expected.returns : undefined;
    return said === undefined || String(said) === model.value ? null : `${model.value}, not ${String(said)}`;
  }
  if (model.kind === 'packets' && 'packets' in expected) {
    if (model.packets.length !== expected.packets.length) return `${model.packets.length} packets`;
    for (const [i, { payload, afterMs, ...fields }] of expected.packets.entries()) {
      const packet = model.packets[i];
      if (!sameTime(packet?.leaves?.afterMs, afterMs)) return `packet ${i}: at ${packet?.leaves?.afterMs} ms`;
      if (!packet || !sameBytes(packet.payload, payload))
        return `packet ${i}: ${showRuns(packet?.payload ?? [])}`;
      for (const [key, value] of Object.entries(fields)) {
        const said: unknown =
          key in OUTER
            ? packet.outer?.[OUTER[key as keyof typeof OUTER]]
            : packet[key as keyof typeof packet];
        if (said !== value)
          return `packet ${i}: ${key} ${JSON.stringify(said)}, not ${JSON.stringify(value)}`;
      }
    }
  }
  if (model.kind === 'datagrams' && 'datagrams' in expected) {
    if (model.datagrams.length !== expected.datagrams.length) return `${model.datagrams.length} datagrams`;
    for (const [i, { payload, length, gro, afterMs }] of expected.datagrams.entries()) {
      const datagram = model.datagrams[i];
      if (!sameTime(datagram?.leaves?.afterMs, afterMs))
        return `datagram ${i}: at ${datagram?.leaves?.afterMs} ms`;
      if (!datagram || !sameBytes(datagram.payload, payload))
        return `datagram ${i}: ${showRuns(datagram?.payload ?? [])}`;
      if (datagram.length !== length || datagram.gro !== gro)
        return `datagram ${i}: ${datagram.length} ${datagram.gro}, not ${length} ${gro}`;
    }
  }
  return null;
}

/** A case may leave headers out of what it reckons with; where nothing is held the model says nothing. */
function sameTime(model = 0, expected: number | undefined): boolean {
  return expected === undefined || (model >= expected && model - expected < 20);
}

interface Tally {
  derived: number;
  unknown: Map<string, number>;
}

/** What a case says of the packet around one in a tunnel. */
const OUTER = {
  ...({ outerChecksum: 'checksum', outerIpLength: 'ipLength', outerUdpLength: 'udpLength' } as const),
  ...({ outerTtl: 'ttl', outerTos: 'tos', outerDf: 'df' } as const),
} as const;

const INJECTED = 'a frame was injected';
const VERBS = ['send', 'receive', 'packets'] as const;

function isCovered(action: Action): action is Extract<Action, { do: (typeof VERBS)[number] }> {
  return (VERBS as readonly string[]).includes(action.do);
}

for (const version of KERNELS) {
  t.test(`the model and every expectation agree on ${version}`, (t) => {
    const tallies = { send: tally(), receive: tally(), packets: tally() };
    const wrong: string[] = [];
    for (const { id, program, expectations, states } of planned(version)) {
      const walk = new Walk(program, states ?? {});
      for (const [i, action] of program.actions.entries()) {
        const expectation = expectations[i];
        if (!expectation) throw new Error(`${id}: step ${i} has no expectation`);
        const model = walk.step(action, outcome(expectation));
        if (!isCovered(action)) continue;
        const count = tallies[action.do];
        // The model is of what sockets send: such steps are the case's alone.
        if (model.kind === 'unknown' && model.why === INJECTED) continue;
        if (model.kind === 'unknown') count.unknown.set(model.why, (count.unknown.get(model.why) ?? 0) + 1);
        else count.derived++;
        const said = disagreement(model, expectation.expected);
        if (said !== null) wrong.push(`${id} step ${i} ${action.do}: ${said}`);
      }
    }
    t.strictSame(wrong.slice(0, 40), []);
    for (const [verb, { derived, unknown }] of Object.entries(tallies)) {
      const left = [...unknown.values()].reduce((sum, count) => sum + count, 0);
      t.comment(`${version} ${verb}: ${derived} of ${derived + left} derived`);
      for (const [why, count] of unknown) t.comment(`  ${count}: ${why}`);
      t.ok(derived >= 0.9 * (derived + left), `${verb}: nine in ten are derived`);
    }
    t.end();
  });
}

function tally(): Tally {
  return { derived: 0, unknown: new Map() };
}
