/** Tap devices of a topology, and the NIC in user space between two of them, which the program plays. */
import type { Action } from '../contract/program.ts';
import { TAP_OFFLOADS } from '../contract/topology.ts';
import type { Link, TapOffload, Topology } from '../contract/topology.ts';
import type { Draft } from './draft.ts';
import { openTap } from './helpers/tap.ts';
import { MOST_WIRES, wires } from './helpers/wires.ts';

/** include/uapi/linux/if_tun.h, of which older headers lack USO4 and USO6. */
const OFFLOADS: Readonly<Record<TapOffload, readonly [name: string, number: number]>> = {
  csum: ['TUN_F_CSUM', 0x01],
  uso4: ['TUN_F_USO4', 0x20],
  uso6: ['TUN_F_USO6', 0x40],
};
const VNET_UDP_L4 = 5;

/** Steps by which nothing leaves a device. Setting options is none: one lets go of what was gathered. */
const QUIET: ReadonlySet<Action['do']> = new Set([
  ...(['open', 'bind', 'get', 'queue'] as const),
  ...(['counters', 'capture', 'packets'] as const),
]);

export function hasTaps({ namespaces }: Topology): boolean {
  return Object.values(namespaces).some(({ links }) => links.some(({ kind }) => kind === 'tap'));
}

/** Does the program carry frames between tap devices? */
export function hasWires(topology: Topology): boolean {
  return pairs(topology).length > 0;
}

/** Both ends of each wire. */
function pairs({ namespaces }: Topology): (readonly [one: string, other: string])[] {
  const joined = new Set<string>();
  return Object.entries(namespaces).flatMap(([ns, { links }]) =>
    links.flatMap(({ kind, name, peer }) => {
      if (kind !== 'tap' || !peer || joined.has(`${ns}/${name}`)) return [];
      joined.add(`${peer.ns}/${peer.name}`);
      return [[`${ns}/${name}`, `${peer.ns}/${peer.name}`] as const];
    }),
  );
}

/** The variable of a tap device's descriptor. */
export function tapVariable(draft: Draft, ns: string, dev: string): string {
  const link = draft.planned.program.topology.namespaces[ns]?.links.find(({ name }) => name === dev);
  return link?.kind === 'tap' ? draft.name('tap', `${ns}/${dev}`) : draft.refuse(`${dev} as a tap device`);
}

/** Creates one in the namespace that was entered. */
export function printTap(draft: Draft, ns: string, { name }: Link): void {
  const variable = tapVariable(draft, ns, name);
  draft.use(openTap);
  offloads(draft, TAP_OFFLOADS);
  draft.variables.add(`static int ${variable};`);
  draft.write(`${variable} = open_tap("${name}");`);
}

/** What is offered, as C has it. */
export function offloads(draft: Draft, offered: readonly TapOffload[]): string {
  const names = offered.map((one) => {
    const [name, number] = OFFLOADS[one];
    draft.constants.set(name, number);
    return name;
  });
  return names.length === 0 ? '0' : names.join(' | ');
}

/** When all tap devices are there. */
export function printWires(draft: Draft): void {
  const list = pairs(draft.planned.program.topology);
  if (list.length > MOST_WIRES) draft.refuse(`${list.length} NICs in user space`);
  if (list.length === 0) return;
  draft.use(wires);
  draft.constants.set('GSO_UDP_L4', VNET_UDP_L4);
  const variable = (end: string): string => tapVariable(draft, ...(end.split('/') as [string, string]));
  for (const [one, other] of list) draft.write(`join(${variable(one)}, ${variable(other)});`);
}

/** After a step: what it put into a device is carried over. */
export function printPump(draft: Draft, action: Action): void {
  if (!QUIET.has(action.do) && hasWires(draft.planned.program.topology)) draft.write('pump();');
}
