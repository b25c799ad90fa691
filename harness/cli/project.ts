/** Loads the project for a command, or ends it with every problem found. */
import { resolve } from 'node:path';
import { formatProblem } from '../load/problem.ts';
import { loadProject, type Project, type ProjectOptions } from '../load/project.ts';
import { EXIT, UserError } from './exit.ts';
import { root } from './version.ts';

/** Reads suites (or these files instead), topologies and behaviours; a problem in any of them ends the command. */
export function requireProject(suites: readonly string[]): Project {
  const project = loadProject(root, suiteOptions(suites));
  if (project.problems.length > 0) {
    throw new UserError(
      EXIT.data,
      countProblems(project.problems.length),
      project.problems.map(formatProblem).join('\n'),
    );
  }
  return project;
}

/** Suite files named on the command line, in place of `suites/`. */
export function suiteOptions(suites: readonly string[]): ProjectOptions {
  return suites.length === 0 ? {} : { suites: suites.map((file) => resolve(file)) };
}

export function countProblems(n: number): string {
  return n === 1 ? '1 problem' : `${n} problems`;
}
