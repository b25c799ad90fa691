/** Builds the topology, with iproute2 where a person would use it. */
import { isIP } from 'node:net';
import { hopeful } from '../agent/carriers.ts';
import { ruleWords } from '../agent/rules.ts';
import { tunnelOf, tunnelWords } from '../agent/vxlan.ts';
import type { Link, Namespace, Route, Rule } from '../contract/topology.ts';
import { isQdisc, printQdisc, printTeamMode, printTeamPorts } from './beyond-ip.ts';
import { cString } from './c-text.ts';
import type { Draft } from './draft.ts';
import { awaitCarrier, mustFeature } from './helpers/devices.ts';
import {
  awaitAddress,
  must,
  mustOrSkip,
  needSocket,
  newNamespace,
  run,
  writeSysctl,
} from './helpers/namespaces.ts';
import { die } from './helpers/report.ts';
import { printTap, printWires } from './taps.ts';
import { printTransformProbe } from './transforms.ts';

/** Numbers of modes by the words that ip(8) has for them: include/uapi/linux/if_link.h, if_bonding.h. */
const MODES: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  macvlan: { 1: 'private', 2: 'vepa', 4: 'bridge', 8: 'passthru' },
  ipvlan: { 0: 'l2', 1: 'l3', 2: 'l3s' },
  bond: { 0: 'balance-rr', 1: 'active-backup', 2: 'balance-xor', 3: 'broadcast' },
};

/** Words that a command line can hold without quoting or being taken for an option. */
const WORD = /^[A-Za-z0-9_.:/@][A-Za-z0-9_.:/@-]*$/u;

export function printTopology(draft: Draft): void {
  const { topology } = draft.planned.program;
  const each = Object.entries(topology.namespaces);
  draft.use(newNamespace);
  printNeeds(draft);
  for (const [name] of each) {
    const variable = draft.namespace(name);
    draft.variables.add(`static int ${variable};`);
    draft.write(`${variable} = new_namespace();`);
  }
  const made = new Set<string>();
  for (const [name, space] of each) printLinks(draft, name, space, made);
  printWires(draft);
  for (const [name, space] of each) printSettings(draft, name, space);
  for (const [name] of each) printCarriers(draft, name);
  for (const [name, space] of each) {
    if (space.routes.length === 0 && !space.rules) continue;
    draft.enter(name);
    for (const route of space.routes) printRoute(draft, route);
    for (const [place, rule] of (space.rules ?? []).entries()) printRule(draft, rule, place);
  }
}

/** What is sent before is lost. */
function printCarriers(draft: Draft, name: string): void {
  const names = hopeful(draft.planned.program.topology, name);
  if (names.length === 0) return;
  draft.enter(name);
  draft.use(awaitCarrier);
  for (const dev of names) draft.write(`await_carrier("${word(draft, dev)}");`);
}

/** What the case cannot do without, where it is not a link that is made anyway. */
function printNeeds(draft: Draft): void {
  const links = Object.values(draft.planned.program.topology.namespaces).flatMap((space) => space.links);
  for (const need of draft.planned.needs) {
    if (need === 'lo' || need === 'rules' || links.some(({ kind }) => kind === need)) continue;
    if (isQdisc(draft, need, links)) continue;
    if (need === 'xfrm') {
      printTransformProbe(draft);
    } else if (need === 'udplite' || need === 'ipv6') {
      draft.use(needSocket);
      draft.include('netinet/in.h');
      const [family, protocol] =
        need === 'ipv6' ? ['AF_INET6', 'IPPROTO_UDP'] : ['AF_INET', 'IPPROTO_UDPLITE'];
      draft.write(`need_socket(${family}, ${protocol}, "${need}");`);
    } else {
      draft.use(mustOrSkip);
      draft.write('new_namespace();', `must_or_skip("ip link add probe type ${word(draft, need)}");`);
    }
  }
}

function printLinks(draft: Draft, name: string, space: Namespace, made: Set<string>): void {
  const create = space.links.filter(
    (link) =>
      link.kind !== 'lo' && !(link.kind === 'veth' && !link.peer) && !made.has(`${name}/${link.name}`),
  );
  if (create.length > 0) draft.enter(name);
  for (const link of create) {
    if (link.kind === 'tap') {
      printTap(draft, name, link);
      continue;
    }
    draft.use(mustOrSkip);
    const own = word(draft, link.name);
    if (!link.peer) {
      draft.write(`must_or_skip("ip link add ${standing(draft, link)}");`);
      printTeamMode(draft, link);
      continue;
    }
    made.add(`${link.peer.ns}/${link.peer.name}`);
    const other = word(draft, link.peer.name);
    if (link.peer.ns === name) {
      draft.write(`must_or_skip("ip link add ${own} type veth peer name ${other}");`);
      continue;
    }
    // iproute2 takes a path for the name of a namespace; the child inherits the descriptor.
    draft.variables.add('static char command[256];');
    draft.write(
      `snprintf(command, sizeof(command),`,
      `\t "ip link add ${own} type veth peer name ${other} netns /proc/self/fd/%d",`,
      `\t ${draft.namespace(link.peer.ns)});`,
      'must_or_skip(command);',
    );
  }
}

/** A link that is no pair, as `ip link add` wants it. */
function standing(draft: Draft, link: Link): string {
  const { name, kind, lower, id, mode, priorities } = link;
  const tunnel = tunnelOf(link);
  return [
    ...(lower === undefined ? [] : ['link', word(draft, lower)]),
    ...['name', word(draft, name), 'type', kind],
    ...(id === undefined ? [] : ['id', String(id)]),
    ...(priorities === true ? ['egress-qos-map 1:1 2:2 3:3 4:4 5:5 6:6 7:7'] : []),
    ...(mode === undefined ? [] : ['mode', MODES[kind]?.[mode] ?? draft.refuse(`${kind} mode ${mode}`)]),
    ...(tunnel ? tunnelWords({ ...tunnel, remote: word(draft, tunnel.remote) }) : []),
  ].join(' ');
}

function printSettings(draft: Draft, name: string, space: Namespace): void {
  draft.enter(name);
  draft.use(must);
  for (const [key, value] of Object.entries(space.sysctls)) {
    draft.use(writeSysctl, die);
    draft.write(`if (write_sysctl(${cString(key)}, ${cString(value)}))`, `\tdie(${cString(key)});`);
  }
  if (!space.links.some(({ kind }) => kind === 'lo')) draft.write('must("ip link set lo up");');
  for (const { name: member, master } of space.links)
    if (master !== undefined)
      draft.write(`must("ip link set ${word(draft, member)} master ${word(draft, master)}");`);
  printTeamPorts(draft, space);
  for (const link of space.links) printLink(draft, name, link);
}

/** Features first: some change what an MTU or `up` does. */
function printLink(draft: Draft, ns: string, link: Link): void {
  const dev = word(draft, link.name);
  for (const [feature, on] of Object.entries(link.features)) {
    draft.use(mustFeature);
    draft.write(`must_feature("${dev}", ${cString(feature)}, ${Number(on)});`);
  }
  if (link.mac !== undefined) draft.write(`must("ip link set ${dev} address ${word(draft, link.mac)}");`);
  else if (isReferred(draft, `${ns}/${link.name}`))
    draft.write(`must("ip link set ${dev} address ${macOf(draft, `${ns}/${link.name}`)}");`);
  const mtu = link.mtu === undefined ? '' : ` mtu ${link.mtu}`;
  draft.write(`must("ip link set ${dev}${mtu}${gsoLimits(link)} ${link.up ? 'up' : 'down'}");`);
  if (link.qdisc !== undefined) printQdisc(draft, dev, link.qdisc);
  for (const address of link.addresses) {
    const v6 = isIP(address.split('/')[0] ?? '') === 6;
    const flags = v6 ? ` nodad${/\/128$|^[^/]*$/u.test(address) ? ' noprefixroute' : ''}` : '';
    draft.write(`must("ip addr add ${word(draft, address)} dev ${dev}${flags}");`);
    if (!v6 || !link.up) continue;
    draft.use(awaitAddress);
    draft.write(`await_address("${address.split('/')[0] ?? ''}");`);
  }
  for (const [host, mac] of Object.entries(link.neighbours ?? {})) {
    const bytes = mac.includes('/') ? macOf(draft, mac) : word(draft, mac);
    draft.write(`must("ip neigh replace ${word(draft, host)} lladdr ${bytes} dev ${dev} nud permanent");`);
  }
}

/** As ip(8) takes them. */
export function gsoLimits({ gsoMaxSize, gsoMaxSegs }: Pick<Link, 'gsoMaxSize' | 'gsoMaxSegs'>): string {
  const size = gsoMaxSize === undefined ? '' : ` gso_max_size ${gsoMaxSize}`;
  return gsoMaxSegs === undefined ? size : `${size} gso_max_segs ${gsoMaxSegs}`;
}

export function printRoute(draft: Draft, route: Route): void {
  const { set, clear } = routeCommands(draft, route);
  draft.use(must);
  if (clear !== undefined) {
    draft.use(run);
    draft.write(`run("${clear}");`);
  }
  draft.write(`must("${set}");`);
}

function printRule(draft: Draft, rule: Rule, place: number): void {
  draft.use(mustOrSkip);
  for (const family of ['-4', '-6'])
    draft.write(`must_or_skip("ip ${family} rule add ${ruleWords(rule, place)}");`);
}

/** `clear`: takes away the local route that came with the address, if there still is one. */
export function routeCommands(draft: Draft, route: Route): { set: string; clear?: string; del: string } {
  const to = word(draft, route.to);
  const family = isIP(route.to.split('/')[0] ?? '') === 6 ? '-6' : '-4';
  const mtu = route.mtu === undefined ? '' : ` mtu ${route.mtu}`;
  const table = route.table === undefined ? (route.local ? ' table local' : '') : ` table ${route.table}`;
  const via = route.via === undefined ? '' : `via ${route.via} `;
  const end = `${via}dev ${word(draft, route.dev)}${table}`;
  const type = route.local ? 'local ' : '';
  const del = `ip ${family} route del ${type}${to} ${end}`;
  if (!route.local) return { set: `ip ${family} route replace ${to} ${end}${mtu}`, del };
  return { set: `ip ${family} route add local ${to} ${end}${mtu}`, clear: del, del };
}

/** A word of a command line. */
export function word(draft: Draft, text: string): string {
  return WORD.test(text) ? text : draft.refuse(`${JSON.stringify(text)} as a word of a command line`);
}

/** Is the device named as someone's neighbour? */
function isReferred(draft: Draft, device: string): boolean {
  return devices(draft).some(({ neighbours }) => Object.values(neighbours ?? {}).includes(device));
}

/** A hardware address of our own choice, so that neighbours can be written down. */
function macOf(draft: Draft, device: string): string {
  const { namespaces } = draft.planned.program.topology;
  const names = Object.entries(namespaces).flatMap(([ns, { links }]) =>
    links.map((link) => `${ns}/${link.name}`),
  );
  const [ns = '', name = ''] = device.split('/');
  const own = namespaces[ns]?.links.find((link) => link.name === name)?.mac;
  if (own !== undefined) return own;
  const number = names.indexOf(device) + 1;
  if (number === 0 || number > 255) draft.refuse(`a neighbour behind ${device}`);
  return `02:00:00:00:00:${number.toString(16).padStart(2, '0')}`;
}

function devices(draft: Draft): Link[] {
  return Object.values(draft.planned.program.topology.namespaces).flatMap(({ links }) => links);
}
