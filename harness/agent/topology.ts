/** Builds a {@link Topology} in new, anonymous namespaces. */
import type { Link, Namespace, Topology } from '../contract/topology.ts';
import { addAddress, addNeighbour, addRoute } from './addresses.ts';
import { BuiltTopology } from './built-topology.ts';
import type { BuiltNamespace } from './built-topology.ts';
import { hopeful } from './carriers.ts';
import { chooseIndices, createLinks, joinTaps } from './create-links.ts';
import { Ethtool } from './ethtool.ts';
import { changeWords, hardware, setLink } from './links.ts';
import { awaitReady } from './link-ready.ts';
import { awaitLocalRoutes } from './local-routes.ts';
import type { Namespaces } from './namespaces.ts';
import { NETLINK, Netlink } from './netlink.ts';
import { addRule, ruleWords } from './rules.ts';
import type { SystemCalls } from './sys.ts';
import { setQdisc } from './qdisc.ts';
import { hasIpv6, quietIpv6, writeSysctl } from './sysctl.ts';

/** Builds it all, or throws with the step that failed and leaves nothing behind. */
export function buildTopology(topology: Topology, sys: SystemCalls, namespaces: Namespaces): BuiltTopology {
  const spaces = new Map<string, BuiltNamespace>();
  const built = new BuiltTopology(chooseIndices(topology), spaces, namespaces);
  try {
    for (const name of Object.keys(topology.namespaces)) {
      const fd = namespaces.create();
      quietIpv6();
      spaces.set(name, { fd, route: new Netlink(sys, NETLINK.ROUTE) });
      built.setup.push(`${name}: unshare(CLONE_NEWNET) = 0`);
    }
    const each = Object.entries(topology.namespaces);
    const made = new Set<string>();
    for (const [name, space] of each) createLinks(name, space, built, sys, made);
    joinTaps(each, built, sys);
    for (const [name, space] of each) configure(name, space, built, sys);
    for (const [name] of each)
      for (const [device, link] of awaitReady(built.enter(name).route, hopeful(topology, name)))
        built.know(name, device, link);
    for (const [name, space] of each) connect(name, space, built);
    return built;
  } catch (error) {
    built.dispose();
    throw error;
  }
}

/** Sysctls, features, MTU, state, addresses. Features first: some change what an MTU or `up` does. */
function configure(name: string, space: Namespace, built: BuiltTopology, sys: SystemCalls): void {
  const { route } = built.enter(name);
  const say = (line: string): void => void built.setup.push(`${name}: ${line}`);
  for (const [key, value] of Object.entries(space.sysctls)) {
    writeSysctl(key, value);
    say(`sysctl ${key}=${value}`);
  }
  for (const { name: device, features } of space.links) {
    if (Object.keys(features).length > 0) new Ethtool(sys, device).set(features);
    for (const [feature, on] of Object.entries(features))
      say(`ethtool -K ${device} ${feature} ${on ? 'on' : 'off'}`);
  }
  route.together(() => {
    // A namespace without a working lo answers nobody, itself included.
    if (!space.links.some(({ kind }) => kind === 'lo')) setLink(route, 'lo', 1, { up: true });
    for (const link of space.links) configureLink(link, built.index(name, link.name), route, say);
  });
}

/** After all devices were put together, as a bridge's and a bond's address follows that of its first member. */
function configureLink(link: Link, index: number, route: Netlink, say: (line: string) => void): void {
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
function connect(name: string, space: Namespace, built: BuiltTopology): void {
  const say = (line: string): void => void built.setup.push(`${name}: ${line}`);
  const { route } = built.enter(name);
  awaitLocalRoutes(
    route,
    space.links.flatMap(({ up, addresses }) => (up ? addresses : [])),
  );
  route.together(() => {
    for (const link of space.links)
      for (const [host, mac] of Object.entries(link.neighbours ?? {})) {
        const bytes = hardwareAddress(mac, built);
        addNeighbour(route, built.index(name, link.name), host, bytes);
        say(`neigh add ${host} lladdr ${bytes.toString('hex')} dev ${link.name}`);
      }
    for (const { to, dev, via, mtu, local, table } of space.routes) {
      addRoute(route, { to, index: built.index(name, dev), via, mtu, local, table });
      const where = table === undefined ? '' : ` table ${table}`;
      const words = `${local ? 'local ' : ''}${to}${via === undefined ? '' : ` via ${via}`} dev ${dev}${mtu === undefined ? '' : ` mtu ${mtu}`}${where}`;
      say(`route replace ${words}`);
    }
    const families = hasIpv6() ? (['ipv4', 'ipv6'] as const) : (['ipv4'] as const);
    for (const [place, rule] of (space.rules ?? []).entries())
      for (const family of families) {
        addRule(route, family, rule, place);
        say(`${family} rule add ${ruleWords(rule, place)}`);
      }
  });
}

/** A literal `02:00:…`, or `ns/dev`: that device's own. */
function hardwareAddress(text: string, built: BuiltTopology): Buffer {
  const [ns = '', device] = text.split('/');
  if (device === undefined) return hardware(text);
  return built.device(ns, device).mac;
}
