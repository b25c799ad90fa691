/** A topology file with its parameters fixed. */
import { createHash } from 'node:crypto';
import { LINK_KINDS, OUTER_DF, QDISCS, TEAM_MODES } from '../contract/topology.ts';
import type { Link, Namespace, Route, Rule, Topology } from '../contract/topology.ts';
import type { Endpoint, Family } from '../contract/program.ts';
import { CelFault, celContext, compile, type Value } from '../load/cel.ts';
import { staticNames } from '../load/names.ts';
import { ProblemError } from '../load/problem.ts';
import { isKind, type TopologyFile } from '../load/topology.ts';
import type { LinkYaml } from '../load/schema/suite.ts';
import type { Path } from '../load/yaml-file.ts';
import { inOrder, needsOf } from './link-traits.ts';

export interface End {
  readonly ns: string;
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
}

export interface ResolvedTopology {
  readonly topology: Topology;
  readonly sender: End;
  readonly receiver: End;
  /** False when nobody listens at the receiver's address. */
  readonly receives: boolean;
  readonly wire: { readonly ns: string; readonly dev: string } | null;
  /** Datagrams arrive in the order sent: lo, veth and tap hand them over one by one; ifb has a tasklet of its own, broadcast repeats. */
  readonly ordered: boolean;
  /** Link kinds a target must be able to create. */
  readonly kinds: readonly string[];
}

const cache = new WeakMap<TopologyFile, Map<string, ResolvedTopology>>();

/** Fixes the parameters; the same values give the same object. Throws ProblemError. */
export function resolveTopology(
  file: TopologyFile,
  parameters: Readonly<Record<string, Value>>,
): ResolvedTopology {
  const known = cache.get(file) ?? new Map<string, ResolvedTopology>();
  cache.set(file, known);
  const key = JSON.stringify(parameters);
  const resolved = known.get(key) ?? new Resolver(file, parameters).resolve();
  known.set(key, resolved);
  return resolved;
}

/** The address of an end in a family, with a port; null when it has none. */
export function endpointOf(end: End, family: Family, port: number): Endpoint | null {
  const address = end[family];
  return address === undefined ? null : { address, port };
}

/** Least, most, and what it must be a multiple of. */
type Range = readonly [least: number, most: number, step: number];
/** 253 to 255 are the kernel's own (RT_TABLE_DEFAULT, _MAIN, _LOCAL), above it takes another attribute. */
const PORTS: Range = [0, 65534, 1];
const TTLS: Range = [0, 255, 1];
const OUTER_TOS: Range = [0, 252, 4];
const TABLES: Range = [1, 252, 1];
const MARKS: Range = [1, 2 ** 31 - 1, 1];
/** As in {@link Rule}. */
const RULE_TOS: Range = [4, 28, 4];

class Resolver {
  readonly #file: TopologyFile;
  readonly #parameters: Readonly<Record<string, Value>>;
  readonly #context: Record<string, unknown>;

  constructor(file: TopologyFile, parameters: Readonly<Record<string, Value>>) {
    this.#file = file;
    this.#parameters = parameters;
    this.#context = celContext(new Map(Object.entries(parameters)));
  }

  resolve(): ResolvedTopology {
    const { yaml, name } = this.#file;
    const namespaces: Record<string, Namespace> = {};
    for (const ns of Object.keys(yaml.namespaces)) namespaces[ns] = this.#namespace(ns);
    const digest = createHash('sha256').update(JSON.stringify(namespaces)).digest('hex').slice(0, 12);
    const { receives, ...receiver } = yaml.receiver;
    return {
      topology: { name, key: `${name}-${digest}`, namespaces },
      sender: yaml.sender,
      receiver,
      receives: receives ?? true,
      wire: yaml.wire ?? null,
      ordered: inOrder(namespaces),
      kinds: needsOf(namespaces),
    };
  }

  #namespace(ns: string): Namespace {
    const yaml = this.#file.yaml.namespaces[ns];
    const path = ['namespaces', ns];
    const routes = (yaml?.routes ?? []).map((route, i): Route => {
      const at = [...path, 'routes', i];
      return {
        to: this.#word(route.to, [...at, 'to']),
        dev: this.#word(route.dev, [...at, 'dev']),
        ...(route.via === undefined ? {} : { via: route.via }),
        ...(route.mtu === undefined ? {} : { mtu: this.#int(route.mtu, [...at, 'mtu']) }),
        ...(route.local === undefined ? {} : { local: route.local }),
        ...(route.table === undefined ? {} : { table: this.#within(route.table, TABLES, [...at, 'table']) }),
      };
    });
    const rules = (yaml?.rules ?? []).map(({ mark, tos, table }, i): Rule => {
      const at = [...path, 'rules', i];
      return {
        ...(mark === undefined ? {} : { mark: this.#within(mark, MARKS, [...at, 'mark']) }),
        ...(tos === undefined ? {} : { tos: this.#within(tos, RULE_TOS, [...at, 'tos']) }),
        table: this.#within(table, TABLES, [...at, 'table']),
      };
    });
    const sysctls = Object.entries(yaml?.sysctls ?? {}).map(([key, value]) => [
      key,
      typeof value === 'string' ? this.#word(value, [...path, 'sysctls', key]) : String(Number(value)),
    ]);
    const links = (yaml?.links ?? []).map((_, i) => this.#link(ns, i));
    return {
      links,
      routes,
      ...(rules.length > 0 ? { rules } : {}),
      sysctls: Object.fromEntries(sysctls) as Record<string, string>,
    };
  }

  #link(ns: string, i: number): Link {
    const path = ['namespaces', ns, 'links', i];
    const link = this.#file.yaml.namespaces[ns]?.links[i];
    if (!link) throw new RangeError(`no link ${i} in ${ns}`);
    const kind = link.kind === undefined ? 'lo' : this.#word(link.kind, [...path, 'kind']);
    if (!isKind(kind))
      throw this.#problem([...path, 'kind'], `${kind} is no kind of link: ${LINK_KINDS.join(', ')}`);
    const features = Object.entries(link.features ?? {}).map(([feature, state]) => [
      feature,
      this.#feature(state, [...path, 'features', feature]),
    ]);
    return {
      name: this.#word(link.name, [...path, 'name']),
      kind,
      ...(link.peer ? { peer: link.peer } : {}),
      ...(link.qdisc === undefined
        ? {}
        : { qdisc: this.#oneOf('qdisc', QDISCS, link.qdisc, [...path, 'qdisc']) }),
      ...(link.lower === undefined ? {} : { lower: link.lower }),
      ...(link.remote === undefined ? {} : { remote: this.#word(link.remote, [...path, 'remote']) }),
      ...(link.priorities === undefined ? {} : { priorities: link.priorities }),
      ...(link.master === undefined ? {} : { master: link.master }),
      ...(link.mac === undefined ? {} : { mac: link.mac }),
      ...this.#team(link, path),
      ...this.#port(link.source_port, [...path, 'source_port']),
      ...this.#inheritable('ttl', link.ttl, TTLS, [...path, 'ttl']),
      ...this.#inheritable('tos', link.tos, OUTER_TOS, [...path, 'tos']),
      ...(link.df === undefined ? {} : { df: this.#oneOf('df', OUTER_DF, link.df, [...path, 'df']) }),
      ...(link.unchecked === undefined
        ? {}
        : { unchecked: this.#feature(link.unchecked, [...path, 'unchecked']) }),
      ...this.#number('id', link.id, path),
      ...this.#number('mode', link.mode, path),
      ...this.#number('gsoMaxSize', link.gso_max_size, [...path, 'gso_max_size']),
      ...this.#number('gsoMaxSegs', link.gso_max_segs, [...path, 'gso_max_segs']),
      ...this.#number('mtu', link.mtu, [...path, 'mtu']),
      up: link.up ?? true,
      addresses: (link.addresses ?? []).map((address, j) => this.#word(address, [...path, 'addresses', j])),
      features: Object.fromEntries(features) as Record<string, boolean>,
      ...(link.neighbours ? { neighbours: link.neighbours } : {}),
    };
  }

  #team({ team_mode: mode, active_port: port }: LinkYaml, path: Path): Pick<Link, 'teamMode' | 'activePort'> {
    if (mode === undefined) return {};
    const teamMode = this.#oneOf('mode of a team', TEAM_MODES, mode, [...path, 'team_mode']);
    if (teamMode !== 'activebackup') return { teamMode };
    if (port !== undefined) return { teamMode, activePort: this.#word(port, [...path, 'active_port']) };
    throw this.#problem(path, 'a team in mode activebackup needs an "active_port": without one it drops all');
  }

  #oneOf<W extends string>(what: string, words: readonly W[], text: string, path: Path): W {
    const word = this.#word(text, path);
    for (const known of words) if (known === word) return known;
    throw this.#problem(path, `${word} is no ${what}: ${words.join(', ')}`);
  }

  /** 0: the kernel's choice. */
  #port(value: number | string | undefined, path: Path): { sourcePort?: number } {
    const port = value === undefined ? 0 : this.#within(value, PORTS, path);
    return port === 0 ? {} : { sourcePort: port };
  }

  #inheritable<K extends string>(
    key: K,
    value: number | string | undefined,
    range: Range,
    path: Path,
  ): Partial<Record<K, number | 'inherit'>> {
    if (value === undefined) return {};
    const said = typeof value === 'string' ? this.#word(value, path) : value;
    const meant = said === 'inherit' ? said : this.#within(said, range, path);
    return { [key]: meant } as Record<K, number | 'inherit'>;
  }

  #number<K extends string>(
    key: K,
    value: number | string | undefined,
    path: Path,
  ): Partial<Record<K, number>> {
    return value === undefined ? {} : ({ [key]: this.#int(value, path) } as Record<K, number>);
  }

  #within(value: number | string, [least, most, step]: Range, path: Path): number {
    const number = this.#int(value, path);
    if (number >= least && number <= most && number % step === 0) return number;
    const multiple = step === 1 ? '' : ` and a multiple of ${step}`;
    throw this.#problem(path, `comes to ${number}: it must be from ${least} to ${most}${multiple}`);
  }

  #int(value: number | string, path: Path): number {
    if (typeof value === 'number') return value;
    try {
      const result = compile(value, staticNames({}, this.#parameters, [])).evaluate(
        this.#context,
        () => false,
      );
      if (typeof result === 'number') return result;
      throw this.#problem(path, `comes to ${String(result)}, not an integer`);
    } catch (error) {
      throw error instanceof CelFault ? this.#problem(path, error.message) : error;
    }
  }

  #word(text: string, path: Path): string {
    return text.startsWith('$') ? String(this.#parameter(text, path)) : text;
  }

  #feature(state: boolean | string, path: Path): boolean {
    const value = typeof state === 'boolean' ? state : this.#parameter(state, path);
    if (typeof value === 'boolean') return value;
    throw this.#problem(path, `${state} is ${String(value)}, not true or false`);
  }

  #parameter(text: string, path: Path): Value {
    const value = this.#parameters[text.replace(/^\$/, '')];
    if (value === undefined) throw this.#problem(path, `unknown parameter ${text}`);
    return value;
  }

  #problem(path: Path, message: string): ProblemError {
    return new ProblemError([{ ...this.#file.file.at(path), message }]);
  }
}
