/**
 * Problems that show only when cases are planned: sizes that cannot be, alternatives that no kernel reaches, axes that
 * make no difference. Every case is planned for every state its behaviours can be in.
 */
import { loadProject, type Project, type ProjectOptions } from '../load/project.ts';
import type { Case } from '../load/case.ts';
import { ProblemError, quote, sortProblems, type Problem } from '../load/problem.ts';
import { visitCase } from '../load/validate-case.ts';
import type { Path } from '../load/yaml-file.ts';
import { probePrograms } from './probes.ts';
import { planVariant } from './target.ts';

/** Most behaviours of one case whose states are all tried: 2^6 plans of each variant. */
const MAX_EXHAUSTIVE = 6;

/** loadProject, and what only planning finds. Never throws for what is in the files. */
export function lintProject(root: string, options: ProjectOptions = {}): Project {
  const project = loadProject(root, options);
  return { ...project, problems: sortProblems([...project.problems, ...planProblems(project)]) };
}

/** What planning every case and probe finds. */
export function planProblems(project: Project): Problem[] {
  const problems = project.suites.flatMap((suite) =>
    suite.cases.flatMap((one) => caseProblems(one, project)),
  );
  try {
    probePrograms(project.behaviours.list, project.topologies);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    problems.push(...error.problems);
  }
  return sortProblems(problems);
}

interface Seen {
  readonly reads: Set<string>;
  /** Alternatives that counted, as places. */
  readonly reached: Set<string>;
  readonly behaviours: Set<string>;
}

function caseProblems(theCase: Case, project: Project): Problem[] {
  const seen: Seen = { reads: new Set(), reached: new Set(), behaviours: new Set() };
  const plain = [
    planAll(theCase, project, () => true, seen),
    planAll(theCase, project, () => false, seen),
  ].flat();
  if (plain.length > 0) return sortProblems(plain);
  const alternatives = alternativesOf(theCase);
  const unreached = (): Path[] => alternatives.filter((path) => !seen.reached.has(path.join(' ')));
  const settled = (): boolean => unreached().length === 0 && idleAxes(theCase, seen.reads).length === 0;
  // A state may bring up behaviours that those before did not ask for.
  for (let known = -1; known < seen.behaviours.size && !settled();) {
    known = seen.behaviours.size;
    for (const has of states(seen.behaviours)) {
      if (settled()) break;
      // States no kernel is in may come to nonsense; only what they reach counts.
      planAll(theCase, project, has, seen);
    }
  }
  return [
    ...unreached().map((path) => ({
      ...theCase.file.at(path),
      message: 'this alternative is never reached: no variant and no kernel makes its condition hold first',
    })),
    ...idleAxes(theCase, seen.reads),
  ];
}

function planAll(
  theCase: Case,
  project: Project,
  has: (behaviour: string) => boolean,
  seen: Seen,
): Problem[] {
  const { topologies, behaviours } = project;
  return theCase.variants.flatMap((variant) => {
    try {
      const { planned, reads, reached } = planVariant(theCase, variant, { topologies, behaviours, has });
      for (const read of reads) seen.reads.add(read);
      for (const place of reached) seen.reached.add(place);
      for (const behaviour of planned.behaviours) seen.behaviours.add(behaviour);
      return [];
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      return error.problems;
    }
  });
}

/** All states of a few behaviours; of many, each alone and all but each. */
function states(behaviours: ReadonlySet<string>): ((behaviour: string) => boolean)[] {
  const names = [...behaviours];
  if (names.length > MAX_EXHAUSTIVE)
    return names.flatMap((name) => [(one: string) => one === name, (one: string) => one !== name]);
  return Array.from({ length: 2 ** names.length }, (_, bits) => {
    const present = new Set(names.filter((_name, i) => (bits & (1 << i)) !== 0));
    return (one: string) => present.has(one);
  });
}

function alternativesOf(theCase: Case): Path[] {
  const paths: Path[] = [];
  visitCase(theCase.yaml, theCase.path, (meaning, value, path) => {
    if (meaning === 'alternatives') for (const i of (value as unknown[]).keys()) paths.push([...path, i]);
  });
  return paths;
}

function idleAxes(theCase: Case, reads: ReadonlySet<string>): Problem[] {
  return Object.entries(theCase.axes)
    .filter(([name, values]) => values.length > 1 && !reads.has(name) && multiplies(theCase, name))
    .map(([name]) => ({
      ...theCase.file.key(theCase.yaml.axes?.[name] ? [...theCase.path, 'axes', name] : theCase.path),
      message: `the axis ${quote(name)} makes no difference to this case, and multiplies its variants`,
      expected: `a use of ${name}, or "axes: { ${name}: [] }" to leave it out`,
    }));
}

/** Whether there are variants that differ in nothing but this axis. */
function multiplies({ variants }: Case, axis: string): boolean {
  const without = new Set(variants.map(({ values }) => JSON.stringify({ ...values, [axis]: null })));
  return without.size < variants.length;
}
