/** Reads `suites/known-issues.yaml`. */
import { existsSync } from 'node:fs';
import type { KnownIssue } from '../contract/known-issue.ts';
import { NothingSelected, select, type Selectable } from './select.ts';
import { withoutEchoes, type Problem } from './problem.ts';
import { knownIssuesSchema } from './schema/known-issues.ts';
import { validate } from './sentences.ts';
import { readYaml } from './yaml.ts';
import type { YamlFile } from './yaml-file.ts';

/** Where they are, below the project's folder. */
export const KNOWN_ISSUES = 'suites/known-issues.yaml';

/**
 * The known issues of a file; none where there is no file.
 * @param cases what the patterns must match; null: they are not looked up
 */
export function loadKnownIssues(
  path: string,
  shown: string,
  cases: readonly Selectable[] | null,
): { issues: KnownIssue[]; problems: Problem[] } {
  if (!existsSync(path)) return { issues: [], problems: [] };
  const { file, problems } = readYaml(path, shown);
  if (!file) return { issues: [], problems };
  const loaded = knownIssuesFrom(file, cases);
  return { ...loaded, problems: withoutEchoes(problems, loaded.problems) };
}

/** The known issues in an already parsed file. */
export function knownIssuesFrom(
  file: YamlFile,
  cases: readonly Selectable[] | null,
): { issues: KnownIssue[]; problems: Problem[] } {
  const { value, problems } = validate(knownIssuesSchema, file.value, file);
  const issues = (value?.issues ?? []).map((issue, i): KnownIssue => ({
    ...issue,
    where: file.at(['issues', i]),
  }));
  for (const [i, issue] of issues.entries()) {
    if (issue.fingerprint !== undefined && issue.outcome !== 'crash')
      problems.push({
        ...file.key(['issues', i, 'fingerprint']),
        message: 'only a crash has a fingerprint',
        expected: 'outcome: crash',
      });
    if (!isDay(issue.expires))
      problems.push({
        ...file.at(['issues', i, 'expires']),
        message: `the calendar has no day ${issue.expires}`,
        expected: 'a day such as 2027-03-31',
      });
    for (const [k, pattern] of (cases ? issue.cases : []).entries())
      problems.push(
        ...unmatched(pattern, cases ?? []).map((p) => ({ ...file.at(['issues', i, 'cases', k]), ...p })),
      );
  }
  return { issues, problems };
}

function isDay(text: string): boolean {
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

function unmatched(pattern: string, cases: readonly Selectable[]): { message: string }[] {
  try {
    select(cases, [pattern]);
    return [];
  } catch (error) {
    if (!(error instanceof NothingSelected)) throw error;
    return [{ message: error.message }];
  }
}
