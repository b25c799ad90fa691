/** Builds a {@link Topology} in new, anonymous namespaces. */
import type { Link, Namespace, Topology } from '../contract/topology.ts';
import { addAddress, addNeighbour, addRoute } from './addresses.ts';
import { Ethtool } from './ethtool.ts';
import { changeWords, createLink, enslave, getLink, hardware, setLink } from './links.ts';
import { awaitReady } from './link-ready.ts';
import { BuiltTopology } from './built-topology.ts';
import type { BuiltNamespace, Device } from './built-topology.ts';
import { hopeful } from './carriers.ts';
import { awaitLocalRoutes } from './local-routes.ts';
import type { Namespaces } from './namespaces.ts';
import { NETLINK, Netlink } from './netlink.ts';
import { addRule, ruleWords } from './rules.ts';
import type { SystemCalls } from './sys.ts';
import { setQdisc } from './qdisc.ts';
import { hasIpv6, quietIpv6, writeSysctl } from './sysctl.ts';
import { Wire, closeTap, openTap } from './tap.ts';
import { setActivePort, setTeamMode } from './team.ts';
import { tunnelOf, tunnelWords } from './vxlan.ts';

/** Of devices whose number matters; the kernel's own choice begins at 2. */
const FIRST_INDEX = 100;

/** Builds it all, or throws with the step that failed and leaves nothing behind. */
export function buildTopology(topology: Topology, sys: SystemCalls, namespaces: Namespaces): BuiltTopology {
  const spaces = new Map<string, BuiltNamespace>();
  const setup: string[] = [];
  const built = new BuiltTopology(setup, spaces, namespaces);
  try {
    for (const name of Object.keys(topology.namespaces)) {
      const fd = namespaces.create();
      quietIpv6();
      spaces.set(name, { fd, route: new Netlink(sys, NETLINK.ROUTE) });
      setup.push(`${name}: unshare(CLONE_NEWNET) = 0`);
    }
    const each = Object.entries(topology.namespaces);
    const made = new Set<string>();
    for (const [name, space] of each) createLinks(name, space, built, sys, setup, made);
    joinTaps(each, built, sys);
    for (const [name, space] of each) configure(name, space, built, sys, setup);
    for (const [name] of each) awaitReady(built.enter(name).route, hopeful(topology, name));
    for (const [name, space] of each) connect(name, space, built, setup);
    return built;
  } catch (error) {
    built.dispose();
    throw error;
  }
}

function createLinks(
  name: string,
  space: Namespace,
  built: BuiltTopology,
  sys: SystemCalls,
  setup: string[],
  made: Set<string>,
): void {
  const { route } = built.enter(name);
  for (const link of space.links) {
    if (link.kind === 'tap') {
      tap(built, sys, name, link.name);
      setup.push(`${name}: tuntap add ${link.name} mode tap vnet_hdr, offloads csum uso4 uso6`);
      continue;
    }
    // Another namespace's veth may have brought this one along.
    if (link.kind === 'lo' || (link.kind === 'veth' && !link.peer)) continue;
    if (made.has(`${name}/${link.name}`)) continue;
    if (link.peer) made.add(`${link.peer.ns}/${link.peer.name}`);
    const namespace = link.peer && built.descriptor(link.peer.ns);
    if (link.peer && namespace === undefined)
      throw new RangeError(`${link.name} has its peer in namespace ${link.peer.ns}, which there is not`);
    // Ends of one number, each in its namespace, look like one device to linkwatch_urgent_event(): 5.10 then leaves them without
    // a carrier for up to a second.
    const index = link.peer && FIRST_INDEX + 2 * made.size;
    const peer =
      link.peer && index !== undefined && namespace !== undefined
        ? { name: link.peer.name, namespace, index: index + 1 }
        : undefined;
    const { kind, id, mode, mac, priorities } = link;
    const tunnel = tunnelOf(link);
    const lower = link.lower === undefined ? undefined : getLink(route, link.lower).index;
    createLink(route, {
      name: link.name,
      kind,
      index,
      peer,
      lower,
      id,
      mode,
      tunnel,
      mac,
      priorities,
    });
    const words = [
      ...(link.lower === undefined ? [] : [`link ${link.lower}`]),
      `type ${kind}`,
      ...(link.peer ? [`peer ${link.peer.name} netns ${link.peer.ns}`] : []),
      ...(id === undefined ? [] : [`id ${id}`]),
      ...(priorities === true ? ['egress-qos-map 1:1 … 7:7'] : []),
      ...(mode === undefined ? [] : [`mode ${mode}`]),
      ...(tunnel ? tunnelWords(tunnel) : []),
      ...(mac === undefined ? [] : [`address ${mac}`]),
    ];
    setup.push(`${name}: link add ${link.name} ${words.join(' ')}`);
    if (link.teamMode === undefined) continue;
    setTeamMode(sys, link.name, getLink(route, link.name).index, link.teamMode);
    setup.push(`${name}: team ${link.name} mode ${link.teamMode}`);
  }
  for (const { name: member, master } of space.links) {
    if (master === undefined) continue;
    enslave(route, member, getLink(route, member).index, getLink(route, master).index);
    setup.push(`${name}: link set ${member} master ${master}`);
  }
  for (const { name: team, activePort } of space.links) {
    if (activePort === undefined) continue;
    setActivePort(sys, team, getLink(route, team).index, getLink(route, activePort).index);
    setup.push(`${name}: team ${team} activeport ${activePort}`);
  }
}

/** The tap device's descriptor; the device goes with it. */
export function tap(built: BuiltTopology, sys: SystemCalls, ns: string, name: string): number {
  return built.keep(ns, `tap ${name}`, () => openTap(sys, name), closeTap);
}

function joinTaps(each: readonly [string, Namespace][], built: BuiltTopology, sys: SystemCalls): void {
  const joined = new Set<string>();
  for (const [ns, { links }] of each)
    for (const { kind, name, peer } of links) {
      if (kind !== 'tap' || !peer || joined.has(`${ns}/${name}`)) continue;
      joined.add(`${peer.ns}/${peer.name}`);
      built.wires.push(new Wire(tap(built, sys, ns, name), tap(built, sys, peer.ns, peer.name)));
    }
}

/** MTU, features, state, addresses. Features first: some change what an MTU or `up` does. */
function configure(
  name: string,
  space: Namespace,
  built: BuiltTopology,
  sys: SystemCalls,
  setup: string[],
): void {
  const { route } = built.enter(name);
  for (const [key, value] of Object.entries(space.sysctls)) {
    writeSysctl(key, value);
    setup.push(`${name}: sysctl ${key}=${value}`);
  }
  const say = (line: string): void => void setup.push(`${name}: ${line}`);
  // A namespace without a working lo answers nobody, itself included.
  if (!space.links.some(({ kind }) => kind === 'lo')) setLink(route, 'lo', 1, { up: true });
  for (const link of space.links) configureLink(link, built.device(name, link.name), route, sys, say);
}

/** After all devices were put together, as a bridge's and a bond's address follows that of its first member. */
function configureLink(
  link: Link,
  { index }: Device,
  route: Netlink,
  sys: SystemCalls,
  say: (line: string) => void,
): void {
  if (Object.keys(link.features).length > 0) new Ethtool(sys, link.name).set(link.features);
  for (const [feature, on] of Object.entries(link.features))
    say(`ethtool -K ${link.name} ${feature} ${on ? 'on' : 'off'}`);
  setLink(route, link.name, index, link);
  say(`link set ${link.name} ${changeWords(link)}`);
  if (link.qdisc !== undefined) {
    setQdisc(route, index, link.qdisc);
    say(`qdisc replace dev ${link.name} root ${link.qdisc}`);
  }
  for (const address of link.addresses) {
    addAddress(route, index, link.name, address);
    say(`addr add ${address} dev ${link.name}`);
  }
}

/** Neighbours and routes: they need every device of every namespace. */
function connect(name: string, space: Namespace, built: BuiltTopology, setup: string[]): void {
  for (const link of space.links) {
    for (const [host, mac] of Object.entries(link.neighbours ?? {})) {
      const bytes = hardwareAddress(mac, built);
      const { index } = built.device(name, link.name);
      addNeighbour(built.enter(name).route, index, host, bytes);
      setup.push(`${name}: neigh add ${host} lladdr ${bytes.toString('hex')} dev ${link.name}`);
    }
  }
  const { route } = built.enter(name);
  awaitLocalRoutes(space.links.flatMap(({ up, addresses }) => (up ? addresses : [])));
  for (const { to, dev, via, mtu, local, table } of space.routes) {
    addRoute(route, { to, index: built.device(name, dev).index, via, mtu, local, table });
    const where = table === undefined ? '' : ` table ${table}`;
    const words = `${local ? 'local ' : ''}${to}${via === undefined ? '' : ` via ${via}`} dev ${dev}${mtu === undefined ? '' : ` mtu ${mtu}`}${where}`;
    setup.push(`${name}: route replace ${words}`);
  }
  const families = hasIpv6() ? (['ipv4', 'ipv6'] as const) : (['ipv4'] as const);
  for (const [place, rule] of (space.rules ?? []).entries())
    for (const family of families) {
      addRule(route, family, rule, place);
      setup.push(`${name}: ${family} rule add ${ruleWords(rule, place)}`);
    }
}

/** A literal `02:00:…`, or `ns/dev`: that device's own. */
function hardwareAddress(text: string, built: BuiltTopology): Buffer {
  const [ns = '', device] = text.split('/');
  if (device === undefined) return hardware(text);
  return built.device(ns, device).mac;
}
