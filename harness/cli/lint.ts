/** `segproof lint` and `segproof schema`. */
import { formatProblem } from '../load/problem.ts';
import { EXIT } from './exit.ts';
import { countProblems, readProject } from './project.ts';

/** Prints every problem of every file; stdout carries the problems, stderr the count. */
export function lintCommand(files: readonly string[]): number {
  const { problems, suites, topologies } = readProject(files);
  for (const problem of problems) process.stdout.write(`${formatProblem(problem)}\n`);
  const looked = `${suites.length} suites, ${topologies.size} topologies`;
  process.stderr.write(
    `segproof: ${problems.length === 0 ? `no problems (${looked})` : countProblems(problems.length)}\n`,
  );
  return problems.length === 0 ? EXIT.ok : EXIT.data;
}
