/** Reads a suite file: its cases with their variants, and all its problems. */
import { z } from 'zod';
import {
  buildCase,
  type BuiltCase,
  type Case,
  type Inherited,
  type Report,
  type Surroundings,
} from './case.ts';
import { checkAxisValues } from './check-axes.ts';
import { quote, withoutEchoes, type Problem } from './problem.ts';
import { slug } from './schema/common.ts';
import { suiteSchema } from './schema/suite.ts';
import { validate } from './sentences.ts';
import { validateCase } from './validate-case.ts';
import { isMapping } from './walk.ts';
import { readYaml } from './yaml.ts';
import { type YamlFile } from './yaml-file.ts';

export interface Suite {
  /** Path below `suites/` without `.yaml`. */
  readonly name: string;
  readonly title: string;
  readonly source: readonly string[];
  readonly tags: readonly string[];
  readonly file: YamlFile;
  readonly cases: readonly Case[];
}

/** Everything but the cases: they are checked one by one, so that one bad case does not hide what others lack. */
const headSchema = suiteSchema.extend({ cases: z.record(z.string(), z.unknown()) });

export function loadSuite(
  path: string,
  name: string,
  shown: string,
  around: Surroundings,
): { suite: Suite | null; problems: Problem[] } {
  const { file, problems } = readYaml(path, shown);
  if (!file) return { suite: null, problems };
  const loaded = suiteFrom(file, name, around);
  return { suite: loaded.suite, problems: withoutEchoes(problems, loaded.problems) };
}

/** The suite in an already parsed file. */
export function suiteFrom(
  file: YamlFile,
  name: string,
  around: Surroundings,
): { suite: Suite | null; problems: Problem[] } {
  const head = validate(headSchema, file.value, file);
  const problems = [...head.problems];
  const report: Report = (at, message, more = {}, spot = 'at') => {
    problems.push({ ...file[spot](at), message, ...more });
  };
  const bodies =
    isMapping(file.value) && isMapping(file.value['cases']) ? Object.entries(file.value['cases']) : [];
  if (head.value && bodies.length === 0) report(['cases'], 'a suite without cases', {}, 'key');
  const inherited = head.value && inheritedFrom(head.value);
  if (head.value) checkAxisValues(head.value.axes ?? {}, ['axes'], around.behaviours, report);
  const cases: Case[] = [];
  const results: BuiltCase[] = [];
  for (const [id, body] of bodies) {
    const at = ['cases', id];
    if (!slug.safeParse(id).success)
      report(
        at,
        `${quote(id)} cannot name a case`,
        { expected: 'lower-case words joined by hyphens' },
        'key',
      );
    const checked = validateCase(body, file, at);
    problems.push(...checked.problems);
    if (!checked.value || !inherited) continue;
    const input = { id: `${name}/${id}`, suite: name, yaml: checked.value, file, path: at };
    const result = buildCase(input, inherited, around);
    problems.push(...result.problems);
    results.push(result);
    if (result.built) cases.push(result.built);
  }
  if (!head.value || !inherited) return { suite: null, problems };
  const complete = cases.length === bodies.length && cases.length > 0;
  for (const [i, entry] of (head.value.exclude ?? []).entries()) {
    if (Object.keys(entry).length === 0) report(['exclude', i], 'an empty exclude would leave nothing');
    else if (complete && results.every((result) => result.excluded[i] === 0))
      report(['exclude', i], 'this exclude matches no combination in any case');
  }
  for (const name of Object.keys(head.value.let ?? {})) {
    // An entry that no case can evaluate is wrong; one that some cannot, having removed an axis, is not.
    if (results.length > 0 && results.every((result) => result.suiteLets.has(name)))
      problems.push(...(results[0]?.suiteLets.get(name) ?? []));
  }
  const { title, source, tags = [] } = head.value;
  return { suite: { name, title, source, tags, file, cases }, problems };
}

function inheritedFrom(head: z.infer<typeof headSchema>): Inherited {
  return {
    source: head.source,
    tags: head.tags ?? [],
    needs: head.needs ?? [],
    topology: head.topology,
    axes: head.axes ?? {},
    exclude: head.exclude ?? [],
    lets: Object.entries(head.let ?? {}).map(([name, value]) => ({ name, value, path: ['let', name] })),
  };
}
