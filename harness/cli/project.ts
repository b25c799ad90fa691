/** Loads the project for a command, or ends it with every problem found. */
import { resolve } from 'node:path';
import { formatProblem } from '../load/problem.ts';
import type { Project, ProjectOptions } from '../load/project.ts';
import { lintProject } from '../plan/lint.ts';
import { projectKey, recall, remember } from './project-cache.ts';
import { EXIT, UserError } from './exit.ts';
import { root } from './version.ts';

/** Suites (or these files instead), topologies and behaviours; a problem that lint finds in any of them ends the command. */
export function requireProject(suites: readonly string[]): Project {
  const options = suiteOptions(suites);
  const key = projectKey(options);
  const known = key === null ? null : recall(key);
  if (known) return known;
  const project = lintProject(root, options);
  if (project.problems.length > 0) {
    throw new UserError(
      EXIT.data,
      countProblems(project.problems.length),
      project.problems.map(formatProblem).join('\n'),
    );
  }
  if (key !== null) remember(key, project);
  return project;
}

/** Suite files named on the command line, in place of `suites/`. */
export function suiteOptions(suites: readonly string[]): ProjectOptions {
  return suites.length === 0 ? {} : { suites: suites.map((file) => resolve(file)) };
}

export function countProblems(n: number): string {
  return n === 1 ? '1 problem' : `${n} problems`;
}
