/** Builds a case out of what its suite and it say, and checks everything that does not depend on a target. */
import type { Location } from '../contract/result.ts';
import { combinations, expand, MAX_VARIANTS, type Variant } from '../plan/expand.ts';
import type { BehaviourTable } from './behaviour-table.ts';
import { checkAxes, checkExcludes } from './check-axes.ts';
import { checkForm } from './check-form.ts';
import { checkLets, type CheckedLets } from './check-lets.ts';
import { checkMeanings } from './check-meanings.ts';
import { checkSockets } from './check-sockets.ts';
import type { Names, Value } from './cel.ts';
import { staticNames } from './names.ts';
import { nearHint, oneOf, quote, type Problem } from './problem.ts';
import type { Anything, Axes, Exclude } from './schema/common.ts';
import type { CaseYaml } from './schema/suite.ts';
import type { TopologyFile } from './topology.ts';
import type { Path, YamlFile } from './yaml-file.ts';

export interface Let {
  readonly name: string;
  readonly value: Anything;
  readonly path: Path;
}

export interface Case {
  /** `suite/case` */
  readonly id: string;
  readonly suite: string;
  readonly rule: string;
  readonly source: readonly string[];
  readonly tags: readonly string[];
  readonly needs: readonly string[];
  /** Name of a topology, or `$axis`. */
  readonly topology: string;
  readonly axes: Axes;
  readonly lets: readonly Let[];
  /** Every name an expression of this case can read. */
  readonly names: Names;
  readonly yaml: CaseYaml;
  readonly file: YamlFile;
  readonly path: Path;
  readonly where: Location;
  readonly variants: readonly Variant[];
}

/** What a case inherits from its suite. */
export interface Inherited {
  readonly source: readonly string[];
  readonly tags: readonly string[];
  readonly needs: readonly string[];
  readonly topology: string | undefined;
  readonly axes: Axes;
  readonly exclude: Exclude;
  readonly lets: readonly Let[];
}

export interface Surroundings {
  readonly topologies: ReadonlyMap<string, TopologyFile>;
  /** Topologies whose files have problems: what they would have defined is not known. */
  readonly broken: ReadonlySet<string>;
  readonly behaviours: BehaviourTable;
}

export interface CaseInput {
  readonly id: string;
  readonly suite: string;
  readonly yaml: CaseYaml;
  readonly file: YamlFile;
  readonly path: Path;
}

export type Report = (path: Path, message: string, more?: Partial<Problem>, spot?: 'at' | 'key') => void;

export interface BuiltCase {
  /** Absent when a problem makes its variants doubtful. */
  readonly built: Case | null;
  readonly problems: readonly Problem[];
  /** How many combinations each of the suite's excludes left out here. */
  readonly excluded: readonly number[];
  /** What is wrong here with the suite's `let` entries. */
  readonly suiteLets: CheckedLets['inherited'];
}

export function buildCase(input: CaseInput, inherited: Inherited, around: Surroundings): BuiltCase {
  const { yaml, file, path, id, suite } = input;
  const problems: Problem[] = [];
  const report: Report = (at, message, more = {}, spot = 'at') => {
    problems.push({ ...file[spot](at), message, ...more });
  };
  const axes: Axes = Object.fromEntries(
    Object.entries({ ...inherited.axes, ...yaml.axes }).filter(([, values]) => values.length > 0),
  );
  const topology = yaml.topology ?? inherited.topology;
  const parameters = topologyParameters(
    topology,
    axes,
    around,
    report,
    yaml.topology === undefined ? [] : path,
  );
  checkAxes(yaml, inherited.axes, path, around.behaviours, report);
  const sound = checkExcludes(yaml.exclude ?? [], axes, [...path, 'exclude'], report);
  const own = Object.entries(yaml.let ?? {}).map(([name, value]) => ({
    name,
    value,
    path: [...path, 'let', name],
  }));
  const lets = [...inherited.lets.filter((entry) => !own.some(({ name }) => name === entry.name)), ...own];
  const names = staticNames(axes, parameters ?? {}, Object.keys(around.behaviours.constants));
  const doubtful = parameters === null || !around.behaviours.complete;
  const context = {
    doubtful,
    axes,
    parameters: parameters ?? {},
    names,
    behaviours: around.behaviours,
    file,
    report,
  };
  const checkedLets = checkLets(lets, new Set(own), context);
  const suiteLets = checkedLets.inherited;
  checkForm(yaml, axes, path, report);
  checkMeanings(yaml, path, context);
  checkSockets(yaml, path, report);
  const total = combinations(axes);
  if (total > MAX_VARIANTS) {
    report([...path], `${total} combinations of its axes`, { expected: `at most ${MAX_VARIANTS}` }, 'key');
    return { built: null, problems, excluded: [], suiteLets };
  }
  const { variants, excluded } = expand(id, axes, [...inherited.exclude, ...(yaml.exclude ?? [])]);
  for (const [i, count] of excluded.slice(inherited.exclude.length).entries()) {
    if (count === 0 && sound.includes(i))
      report([...path, 'exclude', i], 'this exclude matches no combination of the axes');
  }
  if (variants.length === 0)
    report(path, 'no variant is left: the excludes match every combination', {}, 'key');
  const built: Case = {
    id,
    suite,
    rule: yaml.rule,
    source: [...new Set([...inherited.source, ...(yaml.source ?? [])])],
    tags: [...new Set([...inherited.tags, ...(yaml.tags ?? [])])],
    needs: [...new Set([...inherited.needs, ...(yaml.needs ?? [])])],
    topology: topology ?? '',
    axes,
    lets: checkedLets.sound,
    names,
    yaml,
    file,
    path,
    where: file.key(path),
    variants,
  };
  return { built, problems, excluded: excluded.slice(0, inherited.exclude.length), suiteLets };
}

/** Parameters of the topologies a case can run over; null when one of them is not known. */
function topologyParameters(
  topology: string | undefined,
  axes: Axes,
  { topologies, broken }: Surroundings,
  report: Report,
  path: Path,
): Record<string, Value> | null {
  const place = [...path, 'topology'];
  if (topology === undefined) {
    report(path, 'no topology', { expected: 'the key "topology" in the suite or in each case' }, 'key');
    return null;
  }
  const ref = topology.startsWith('$') ? axes[topology.slice(1)] : undefined;
  if (topology.startsWith('$') && !ref) {
    report(place, `unknown axis ${quote(topology)}`, nearHint(topology.slice(1), Object.keys(axes)));
    return null;
  }
  const parameters: Record<string, Value> = {};
  let known = true;
  for (const name of ref?.map(String) ?? [topology]) {
    const file = topologies.get(name);
    if (file) Object.assign(parameters, file.parameters);
    else known = false;
    if (file || broken.has(name)) continue;
    const all = [...topologies.keys()];
    report(place, `unknown topology ${quote(name)}`, { expected: oneOf(all), ...nearHint(name, all) });
  }
  return known ? parameters : null;
}
