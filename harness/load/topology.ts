/** Reads a topology file. Its expressions are evaluated by plan/topology.ts, once the parameters are known. */
import { isIP } from 'node:net';
import { LINK_KINDS, TEAM_MODES, type LinkKind } from '../contract/topology.ts';
import { compile, CelFault, type Value } from './cel.ts';
import { badName, staticNames } from './names.ts';
import { nearHint, oneOf, quote, withoutEchoes, type Problem } from './problem.ts';
import { topologySchema, type TopologyYaml } from './schema/suite.ts';
import { validate } from './sentences.ts';
import { visitMeanings } from './walk.ts';
import { readYaml } from './yaml.ts';
import { type Path, type YamlFile } from './yaml-file.ts';

export interface TopologyFile {
  readonly name: string;
  readonly yaml: TopologyYaml;
  readonly file: YamlFile;
  readonly parameters: Readonly<Record<string, Value>>;
}

export function isKind(text: string): text is LinkKind {
  return (LINK_KINDS as readonly string[]).includes(text);
}

/** Kinds that stand on another device. */
const STANDING: readonly string[] = ['vlan', 'macvlan', 'ipvlan'];

/** What is said of a tunnel's packets. */
const OF_TUNNELS = ['source_port', 'ttl', 'tos', 'df', 'unchecked'] as const;

export function loadTopology(
  path: string,
  name: string,
  shown: string,
): { topology: TopologyFile | null; problems: Problem[] } {
  const { file, problems } = readYaml(path, shown);
  if (!file) return { topology: null, problems };
  const loaded = topologyFrom(file, name);
  return { topology: loaded.topology, problems: withoutEchoes(problems, loaded.problems) };
}

/** The topology in an already parsed file. */
export function topologyFrom(
  file: YamlFile,
  name: string,
): { topology: TopologyFile | null; problems: Problem[] } {
  const checked = validate(topologySchema, file.value, file);
  if (!checked.value) return { topology: null, problems: checked.problems };
  const yaml = checked.value;
  const parameters = yaml.parameters ?? {};
  const topology = { name, yaml, file, parameters };
  return { topology, problems: check(topology) };
}

function check({ yaml, file, parameters }: TopologyFile): Problem[] {
  const problems: Problem[] = [];
  const report = (path: Path, message: string, more: Partial<Problem> = {}): void => {
    problems.push({ ...file.at(path), message, ...more });
  };
  const names = staticNames({}, parameters, []);
  for (const name of Object.keys(parameters)) {
    const bad = badName(name);
    if (bad !== null)
      report(['parameters', name], `${quote(name)} cannot name a parameter`, { expected: bad });
  }
  visitMeanings(topologySchema, yaml, [], (meaning, value, path) => {
    if (typeof value !== 'string') return;
    if (value.startsWith('$')) {
      if (meaning === 'any' || parameters[value.slice(1)] !== undefined) return;
      report(path, `unknown parameter ${quote(value)}`, nearHint(value.slice(1), names.keys()));
    } else if (meaning === 'size') {
      try {
        const { type } = compile(value, names);
        if (type !== 'int' && type !== 'dyn') report(path, `gives a ${type}`, { expected: 'an integer' });
      } catch (error) {
        if (!(error instanceof CelFault)) throw error;
        const near = error.unknown === undefined ? {} : nearHint(error.unknown, names.keys());
        problems.push({ ...file.inside(path, error.offset), message: error.message, ...near });
      }
    } else if (meaning === 'prefix' && !isPrefix(value)) {
      report(path, `${quote(value)} is no address with prefix length`, { expected: 'e.g. 10.0.0.1/24' });
    }
  });
  checkLinks(yaml, report);
  checkEnds(yaml, report);
  return problems;
}

type Report = (path: Path, message: string, more?: Partial<Problem>) => void;

function checkLinks(yaml: TopologyYaml, report: Report): void {
  for (const [ns, { links, routes = [], rules = [] }] of Object.entries(yaml.namespaces)) {
    const names = new Set<string>();
    for (const [i, link] of links.entries()) {
      const path = ['namespaces', ns, 'links', i];
      if (link.kind === undefined && link.name !== 'lo')
        report(path, 'the key "kind" is missing', { expected: oneOf(LINK_KINDS.slice(1)) });
      if (names.has(link.name)) report([...path, 'name'], `a second link ${quote(link.name)}`);
      names.add(link.name);
      if (link.kind !== undefined && !link.kind.startsWith('$') && !isKind(link.kind))
        report([...path, 'kind'], `unknown kind of link ${quote(link.kind)}`, {
          expected: oneOf(LINK_KINDS),
          ...nearHint(link.kind, LINK_KINDS),
        });
      if ((link.kind === 'veth' || link.kind === 'tap') && !link.peer)
        report(path, `a ${link.kind} needs a "peer"`);
      if (STANDING.includes(link.kind ?? '') && link.lower === undefined)
        report(path, `a ${link.kind ?? ''} needs a "lower" device`);
      if (link.kind === 'team' && link.team_mode === undefined)
        report(path, 'a team needs a "team_mode": without one it drops everything', {
          expected: oneOf(TEAM_MODES),
        });
      if (link.kind === 'vxlan' && (link.remote === undefined || link.id === undefined))
        report(path, 'a vxlan needs a "remote" address and an "id"');
      for (const key of OF_TUNNELS)
        if (link[key] !== undefined && link.remote === undefined)
          report(
            [...path, key],
            `${quote(key)} is about the packets of a tunnel, and the link has no "remote"`,
          );
      for (const key of ['lower', 'master', 'active_port'] as const) {
        const other = link[key];
        if (other !== undefined && !other.startsWith('$') && !links.some(({ name }) => name === other))
          report([...path, key], `there is no link ${quote(other)} in this namespace`);
      }
      if (link.peer && !hasLink(yaml, link.peer.ns, link.peer.name))
        report([...path, 'peer'], `there is no link ${link.peer.ns}/${link.peer.name}`);
    }
    for (const [i, route] of routes.entries()) {
      if (!names.has(route.dev))
        report(['namespaces', ns, 'routes', i, 'dev'], `no link ${quote(route.dev)}`, {
          expected: oneOf(names),
          ...nearHint(route.dev, names),
        });
      checkNextHop(route, ['namespaces', ns, 'routes', i], report);
    }
    for (const [i, { mark, tos }] of rules.entries()) {
      if (mark === undefined && tos === undefined)
        report(['namespaces', ns, 'rules', i], 'the rule says nothing of the packets it is for', {
          expected: 'a "mark" or a "tos"',
        });
    }
  }
}

type RouteYaml = NonNullable<TopologyYaml['namespaces'][string]['routes']>[number];

function checkNextHop({ to, via, local }: RouteYaml, path: Path, report: Report): void {
  if (via === undefined) return;
  const family = isIP(via);
  if (family === 0) report([...path, 'via'], `${quote(via)} is no address`, { expected: 'e.g. 10.0.0.2' });
  else if (isPrefix(to) && isIP(to.split('/')[0] ?? '') !== family)
    report([...path, 'via'], `${quote(via)} is not of the family of ${quote(to)}`);
  if (local) report([...path, 'via'], 'what is local has no next hop');
}

function checkEnds(yaml: TopologyYaml, report: Report): void {
  const namespaces = Object.keys(yaml.namespaces);
  for (const end of ['sender', 'receiver', 'wire'] as const) {
    const ns = yaml[end]?.ns;
    if (ns !== undefined && !namespaces.includes(ns))
      report([end, 'ns'], `no namespace ${quote(ns)}`, {
        expected: oneOf(namespaces),
        ...nearHint(ns, namespaces),
      });
  }
  for (const end of ['sender', 'receiver'] as const) {
    for (const family of ['ipv4', 'ipv6'] as const) {
      const address = yaml[end][family];
      if (address !== undefined && isIP(address) !== (family === 'ipv4' ? 4 : 6))
        report([end, family], `${quote(address)} is no ${family} address`);
    }
  }
  const { wire } = yaml;
  if (wire && namespaces.includes(wire.ns) && !hasLink(yaml, wire.ns, wire.dev))
    report(['wire', 'dev'], `there is no link ${wire.ns}/${wire.dev}`);
}

function hasLink(yaml: TopologyYaml, ns: string, name: string): boolean {
  return yaml.namespaces[ns]?.links.some((link) => link.name === name) ?? false;
}

/** `10.0.0.1/24` */
export function isPrefix(text: string): boolean {
  const [address = '', bits = '', more] = text.split('/');
  const version = isIP(address);
  return (
    version !== 0 &&
    more === undefined &&
    /^\d{1,3}$/.test(bits) &&
    Number(bits) <= (version === 4 ? 32 : 128)
  );
}
