/** What `segproof explain` tells of a planned case, as plain data. */
import type { Expectation, ExpectedDatagram, ExpectedPacket, PlannedCase } from '../contract/expectation.ts';
import type { BehaviourStatus, Location } from '../contract/result.ts';
import type { Topology } from '../contract/topology.ts';
import { fold, showExpected } from '../judge/notation.ts';
import { describeAction } from './words.ts';

export interface ExplainedStep {
  /** What is done, in one line. */
  readonly action: string;
  /** What must come of it, in one line. */
  readonly expected: string;
  readonly where: Location;
  readonly behaviours: readonly string[];
}

export interface Explanation {
  readonly id: string;
  readonly rule: string;
  readonly source: readonly string[];
  readonly where: Location;
  readonly needs: readonly string[];
  readonly skip: string | null;
  /** Behaviours that decided anything. */
  readonly behaviours: readonly string[];
  /** One line per link and route. */
  readonly topology: readonly string[];
  readonly steps: readonly ExplainedStep[];
}

export function explainPlan(planned: PlannedCase): Explanation {
  const { id, rule, source, where, needs, behaviours, program, expectations } = planned;
  const steps = program.actions.flatMap((action, i): ExplainedStep[] => {
    const expectation = expectations[i];
    if (!expectation) return [];
    const { where: place, behaviours: deciding } = expectation;
    return [
      {
        action: describeAction(action),
        expected: describeExpected(expectation),
        where: place,
        behaviours: deciding,
      },
    ];
  });
  const skip = planned.skip ?? null;
  return {
    id,
    rule,
    source,
    where,
    needs,
    skip,
    behaviours,
    topology: describeTopology(program.topology),
    steps,
  };
}

/** The same as on one line of a report, and what datagrams and packets must carry beside their bytes. */
function describeExpected({ expected }: Expectation): string {
  if ('ok' in expected && expected.lengths)
    return `${showExpected(expected)} messages of ${fold(expected.lengths.map(String))} bytes`;
  if ('datagrams' in expected)
    return expected.datagrams.length === 0
      ? 'no datagram'
      : `datagrams of ${fold(expected.datagrams.map(datagram))} bytes`;
  if ('packets' in expected)
    return expected.packets.length === 0
      ? 'no packet'
      : `packets with ${fold(expected.packets.map(packet))} bytes`;
  return showExpected(expected);
}

function datagram({ length, gro, flags }: ExpectedDatagram): string {
  const more = [...(gro === null ? [] : [`UDP_GRO ${gro}`]), ...flags];
  return more.length === 0 ? String(length) : `${length} (${more.join(', ')})`;
}

function packet({ payload, ...fields }: ExpectedPacket): string {
  const bytes = payload.reduce((total, { length }) => total + length, 0);
  const more = Object.entries(fields).map(([name, value]) => `${name} ${String(value)}`);
  return more.length === 0 ? String(bytes) : `${bytes} (${more.join(', ')})`;
}

function describeTopology({ namespaces }: Topology): string[] {
  return Object.entries(namespaces).flatMap(([ns, { links, routes, sysctls }]) => [
    ...links.map((link) => {
      const features = Object.entries(link.features).map(([name, on]) => `${name} ${on ? 'on' : 'off'}`);
      const mtu = link.mtu === undefined ? [] : [`mtu ${link.mtu}`];
      const peer = link.peer ? [`to ${link.peer.ns}/${link.peer.name}`] : [];
      const state = link.up ? [] : ['down'];
      const parts = [...peer, ...mtu, ...state, ...link.addresses, ...features];
      return `${ns}/${link.name} (${link.kind}): ${parts.join(', ')}`;
    }),
    ...routes.map(({ to, dev, mtu, local }) => {
      const extra = `${mtu === undefined ? '' : ` mtu ${mtu}`}${local === true ? ' local' : ''}`;
      return `${ns} route ${to} dev ${dev}${extra}`;
    }),
    ...Object.entries(sysctls).map(([key, value]) => `${ns} ${key} = ${value}`),
  ]);
}

export interface ExplainSections {
  readonly title: string;
  readonly sections: readonly { readonly heading: string; readonly lines: readonly string[] }[];
}

/** An explanation as headed lines; `statuses` says how the named kernel stands. */
export function explainSections(planned: PlannedCase, statuses: readonly BehaviourStatus[]): ExplainSections {
  const told = explainPlan(planned);
  const place = ({ file, line, column }: Location): string => `${file}:${line}:${column}`;
  const deciding = told.behaviours.map((name) => {
    const status = statuses.find((one) => one.name === name);
    if (!status) return name;
    const { judged, stated, probed, commit, subject } = status;
    return `${name}: judged as ${judged ? 'there' : 'not there'} (version: ${stated}, probe: ${probed}); ${commit} ${subject}`;
  });
  const steps = told.steps.flatMap(({ action, expected, behaviours }, i) => [
    `${i + 1}. ${action}`,
    `   expected: ${expected}${behaviours.length === 0 ? '' : ` (by ${behaviours.join(', ')})`}`,
  ]);
  return {
    title: told.id,
    sections: [
      { heading: 'Rule', lines: [told.rule, `written in ${place(told.where)}`] },
      { heading: 'Source', lines: told.source },
      { heading: 'Skipped', lines: told.skip === null ? [] : [told.skip] },
      { heading: 'Needs', lines: told.needs },
      { heading: 'Behaviours that decide', lines: deciding },
      { heading: 'Topology', lines: told.topology },
      { heading: 'What is done, and what must come of it', lines: steps },
    ],
  };
}
