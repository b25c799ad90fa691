/** `segproof lint` and `segproof schema`. */
import { formatProblem } from '../load/problem.ts';
import { schemaText } from '../load/schema/json-schema.ts';
import { lintProject } from '../plan/lint.ts';
import { EXIT } from './exit.ts';
import { countProblems, suiteOptions } from './project.ts';
import { root } from './version.ts';

/** Prints every problem of every file; stdout carries the problems, stderr the count. */
export function lintCommand(files: readonly string[]): number {
  const { problems, suites, topologies } = lintProject(root, suiteOptions(files));
  for (const problem of problems) process.stdout.write(`${formatProblem(problem)}\n`);
  const looked = `${suites.length} suites, ${topologies.size} topologies`;
  process.stderr.write(
    `segproof: ${problems.length === 0 ? `no problems (${looked})` : countProblems(problems.length)}\n`,
  );
  return problems.length === 0 ? EXIT.ok : EXIT.data;
}

/** The JSON Schema of suite files, for editors. */
export function schemaCommand(): number {
  process.stdout.write(schemaText());
  return EXIT.ok;
}
