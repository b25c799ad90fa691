/** Loads everything cases are made of, with all problems of all files. */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { KnownIssue } from '../contract/known-issue.ts';
import { KNOWN_ISSUES, loadKnownIssues } from './known-issues.ts';
import { loadBehaviours, type Behaviours } from './behaviours.ts';
import { sortProblems, type Problem } from './problem.ts';
import { loadSuite, type Suite } from './suite.ts';
import { loadTopology, type TopologyFile } from './topology.ts';

export interface Project {
  readonly suites: readonly Suite[];
  readonly topologies: ReadonlyMap<string, TopologyFile>;
  readonly behaviours: Behaviours;
  readonly knownIssues: readonly KnownIssue[];
  /** Sorted by place; not empty: nothing may run. */
  readonly problems: readonly Problem[];
}

export interface ProjectOptions {
  /** Suite files or folders in place of `suites/`. */
  readonly suites?: readonly string[];
  readonly behaviours?: string;
  readonly topologies?: string;
  readonly knownIssues?: string;
}

/** Files in `suites/` that are no suites. */
const NOT_SUITES = new Set(['behaviours.yaml', 'known-issues.yaml']);

/** Loads the project in folder `root`. Never throws for what is in the files. */
export function loadProject(root: string, options: ProjectOptions = {}): Project {
  const problems: Problem[] = [];
  const shown = (path: string): string => {
    const short = relative(process.cwd(), resolve(root, path));
    return short.startsWith('..') ? resolve(root, path) : short;
  };
  const topologies = new Map<string, TopologyFile>();
  const broken = new Set<string>();
  const topologyFolder = resolve(root, options.topologies ?? 'fixtures/topologies');
  for (const path of yamlFiles(topologyFolder, shown, problems)) {
    const loaded = loadTopology(path, nameOf(topologyFolder, path), shown(path));
    problems.push(...loaded.problems);
    if (loaded.topology && loaded.problems.length === 0)
      topologies.set(loaded.topology.name, loaded.topology);
    else broken.add(nameOf(topologyFolder, path));
  }
  const behaviourFile = resolve(root, options.behaviours ?? 'suites/behaviours.yaml');
  const behaviours = loadBehaviours(behaviourFile, shown(behaviourFile), { topologies, broken });
  problems.push(...behaviours.problems);
  const suites: Suite[] = [];
  const base = resolve(root, 'suites');
  for (const path of suiteFiles(root, options.suites ?? ['suites'], shown, problems)) {
    const within = path.startsWith(`${base}/`) ? base : resolve(path, '..');
    const loaded = loadSuite(path, nameOf(within, path), shown(path), {
      topologies,
      broken,
      behaviours: behaviours.behaviours,
    });
    problems.push(...loaded.problems);
    if (loaded.suite) suites.push(loaded.suite);
  }
  const issueFile = resolve(root, options.knownIssues ?? KNOWN_ISSUES);
  // Other suites than the project's own have none of the cases that the file is about.
  const cases = options.suites === undefined ? selectable(suites) : null;
  const known = loadKnownIssues(issueFile, shown(issueFile), cases);
  problems.push(...known.problems);
  return {
    suites,
    topologies,
    behaviours: behaviours.behaviours,
    knownIssues: known.issues,
    problems: sortProblems(problems),
  };
}

function selectable(suites: readonly Suite[]): { id: string; tags: readonly string[] }[] {
  return suites.flatMap(({ cases }) =>
    cases.flatMap(({ variants, tags }) => variants.map(({ id }) => ({ id, tags }))),
  );
}

/** Every file that loadProject reads for these options, whether or not it can; sorted. */
export function projectFiles(root: string, options: ProjectOptions = {}): string[] {
  const nothing: Problem[] = [];
  const asIs = (path: string): string => path;
  return [
    ...yamlFiles(resolve(root, options.topologies ?? 'fixtures/topologies'), asIs, nothing),
    resolve(root, options.behaviours ?? 'suites/behaviours.yaml'),
    ...[resolve(root, options.knownIssues ?? KNOWN_ISSUES)].filter((path) => existsSync(path)),
    ...suiteFiles(root, options.suites ?? ['suites'], asIs, nothing),
  ];
}

function suiteFiles(
  root: string,
  paths: readonly string[],
  shown: (path: string) => string,
  problems: Problem[],
): string[] {
  const files = paths.flatMap((path) => {
    const full = resolve(root, path);
    return full.endsWith('.yaml') ? [full] : yamlFiles(full, shown, problems);
  });
  return [...new Set(files)].filter(
    (file) => !NOT_SUITES.has(nameOf(resolve(root, 'suites'), file) + '.yaml'),
  );
}

/** All `.yaml` files below a folder, sorted. Symbolic links to folders are not followed, so that none go in circles. */
function yamlFiles(folder: string, shown: (path: string) => string, problems: Problem[]): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.name.endsWith('.yaml') || entry.name.endsWith('.yml'))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such folder' : code === 'ENOTDIR' ? 'it is no folder' : code;
    problems.push({ file: shown(folder), line: 1, column: 1, message: `cannot be read: ${why}` });
    return [];
  }
}

function nameOf(folder: string, path: string): string {
  return relative(folder, path).replace(/\.ya?ml$/, '');
}
