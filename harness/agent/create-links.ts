/** Creates the devices of a topology, each with a number of its own, and joins those that belong together. */
import type { Link, Namespace, Topology } from '../contract/topology.ts';
import type { BuiltTopology } from './built-topology.ts';
import { createLink, enslave } from './links.ts';
import type { Netlink } from './netlink.ts';
import type { SystemCalls } from './sys.ts';
import { Wire, closeTap, openTap } from './tap.ts';
import { setActivePort, setTeamMode } from './team.ts';
import { tunnelOf, tunnelWords } from './vxlan.ts';

/** The kernel's own choice begins at 2. */
const FIRST_INDEX = 100;
const LOOPBACK_INDEX = 1;

/** By `ns/name`, of all devices but taps, which get theirs from the kernel. */
export type Indices = ReadonlyMap<string, number>;

/**
 * No two alike, whichever namespaces they are in. Ends of a veth pair with one number look like one device to
 * linkwatch_urgent_event(): 5.10 then leaves them without a carrier for up to a second.
 */
export function chooseIndices({ namespaces }: Topology): Indices {
  const chosen = new Map<string, number>();
  const choose = (key: string): void => {
    if (!chosen.has(key)) chosen.set(key, FIRST_INDEX + chosen.size);
  };
  for (const [ns, { links }] of Object.entries(namespaces)) {
    chosen.set(`${ns}/lo`, LOOPBACK_INDEX);
    for (const { kind, name, peer } of links) {
      if (kind === 'tap') continue;
      choose(`${ns}/${name}`);
      if (peer) choose(`${peer.ns}/${peer.name}`);
    }
  }
  return chosen;
}

/** `made` takes the veth ends, by `ns/name`, that came along with devices of other namespaces. */
export function createLinks(
  ns: string,
  { links }: Namespace,
  built: BuiltTopology,
  sys: SystemCalls,
  made: Set<string>,
): void {
  const { route } = built.enter(ns);
  const say = (line: string): void => void built.setup.push(`${ns}: ${line}`);
  const index = (name: string): number => built.index(ns, name);
  for (const { kind, name } of links) {
    if (kind !== 'tap') continue;
    tap(built, sys, ns, name);
    say(`tuntap add ${name} mode tap vnet_hdr, offloads csum uso4 uso6`);
  }
  route.together(() => {
    for (const link of links) {
      if (link.kind === 'tap' || link.kind === 'lo') continue;
      // Another namespace's veth may have brought this one along.
      if ((link.kind === 'veth' && !link.peer) || made.has(`${ns}/${link.name}`)) continue;
      if (link.peer) made.add(`${link.peer.ns}/${link.peer.name}`);
      create(ns, link, built, route);
      say(words(link));
    }
  });
  for (const { name, teamMode } of links) {
    if (teamMode === undefined) continue;
    setTeamMode(sys, name, index(name), teamMode);
    say(`team ${name} mode ${teamMode}`);
  }
  route.together(() => {
    for (const { name, master } of links) {
      if (master === undefined) continue;
      enslave(route, name, index(name), index(master));
      say(`link set ${name} master ${master}`);
    }
  });
  for (const { name, activePort } of links) {
    if (activePort === undefined) continue;
    setActivePort(sys, name, index(name), index(activePort));
    say(`team ${name} activeport ${activePort}`);
  }
}

function create(ns: string, link: Link, built: BuiltTopology, route: Netlink): void {
  const { name, kind, peer, lower, id, mode, mac, priorities } = link;
  const namespace = peer && built.descriptor(peer.ns);
  if (peer && namespace === undefined)
    throw new RangeError(`${name} has its peer in namespace ${peer.ns}, which there is not`);
  createLink(route, {
    name,
    kind,
    index: built.index(ns, name),
    peer: peer && { name: peer.name, index: built.index(peer.ns, peer.name), namespace },
    lower: lower === undefined ? undefined : built.index(ns, lower),
    id,
    mode,
    tunnel: tunnelOf(link),
    mac,
    priorities,
  });
}

/** As ip(8) takes it. */
function words(link: Link): string {
  const { name, kind, peer, lower, id, mode, mac, priorities } = link;
  const tunnel = tunnelOf(link);
  return [
    `link add ${name}`,
    ...(lower === undefined ? [] : [`link ${lower}`]),
    `type ${kind}`,
    ...(peer ? [`peer ${peer.name} netns ${peer.ns}`] : []),
    ...(id === undefined ? [] : [`id ${id}`]),
    ...(priorities === true ? ['egress-qos-map 1:1 … 7:7'] : []),
    ...(mode === undefined ? [] : [`mode ${mode}`]),
    ...(tunnel ? tunnelWords(tunnel) : []),
    ...(mac === undefined ? [] : [`address ${mac}`]),
  ].join(' ');
}

/** The tap device's descriptor; the device goes with it. */
export function tap(built: BuiltTopology, sys: SystemCalls, ns: string, name: string): number {
  return built.keep(ns, `tap ${name}`, () => openTap(sys, name), closeTap);
}

/** Lays wires between the pairs of tap devices. */
export function joinTaps(each: readonly [string, Namespace][], built: BuiltTopology, sys: SystemCalls): void {
  const joined = new Set<string>();
  for (const [ns, { links }] of each)
    for (const { kind, name, peer } of links) {
      if (kind !== 'tap' || !peer || joined.has(`${ns}/${name}`)) continue;
      joined.add(`${peer.ns}/${peer.name}`);
      built.wires.push(new Wire(tap(built, sys, ns, name), tap(built, sys, peer.ns, peer.name)));
    }
}
