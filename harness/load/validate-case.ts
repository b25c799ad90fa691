/** A case's schema, applied step by step: each step is held against the schema of its own verb. */
import { z } from 'zod';
import { found, nearHint, oneOf, quote, type Problem } from './problem.ts';
import { VERBS, verbs, type Step } from './schema/steps.ts';
import { caseSchema, type CaseYaml } from './schema/suite.ts';
import { validate } from './sentences.ts';
import { isMapping, visitMeanings, type Visit } from './walk.ts';
import type { Path, YamlFile } from './yaml-file.ts';

const withoutSteps = caseSchema.extend({ steps: z.array(z.unknown()).min(1).optional() });
const onlyCase = caseSchema.omit({ steps: true });

/** The case, or all its problems. */
export function validateCase(
  body: unknown,
  file: YamlFile,
  path: Path,
): { value: CaseYaml | null; problems: Problem[] } {
  const { value: head, problems } = validate(withoutSteps, body, file, path);
  const list = isMapping(body) && Array.isArray(body['steps']) ? body['steps'] : [];
  const steps = list.flatMap((item, i) => {
    const checked = validateStep(item, file, [...path, 'steps', i]);
    problems.push(...checked.problems);
    return checked.value ? [checked.value] : [];
  });
  if (!head || problems.length > 0) return { value: null, problems };
  return { value: list.length > 0 ? { ...head, steps } : { ...head, steps: undefined }, problems };
}

function validateStep(
  item: unknown,
  file: YamlFile,
  path: Path,
): { value: Step | null; problems: Problem[] } {
  const refuse = (problem: Problem): { value: null; problems: Problem[] } => ({
    value: null,
    problems: [problem],
  });
  if (!isMapping(item))
    return refuse({
      ...file.at(path),
      message: `found ${found(item)}`,
      expected: 'a step: a verb with its keys',
    });
  const verb = VERBS.find((one) => one in item);
  if (verb !== undefined) return validate<Step>(verbs[verb], item, file, path);
  const key = Object.keys(item).find((one) => one !== 'expect' && one !== 'note');
  if (key === undefined)
    return refuse({ ...file.at(path), message: 'a step without a verb', expected: oneOf(VERBS) });
  return refuse({
    ...file.key([...path, key]),
    message: `unknown step ${quote(key)}`,
    expected: oneOf(VERBS),
    ...nearHint(key, VERBS),
  });
}

/** Calls `visit` for every part of a valid case that means something. */
export function visitCase(yaml: CaseYaml, path: Path, visit: Visit): void {
  visitMeanings(onlyCase, { ...yaml, steps: undefined }, path, visit);
  for (const [i, step] of (yaml.steps ?? []).entries()) {
    const verb = VERBS.find((one) => one in step);
    if (verb !== undefined) visitMeanings(verbs[verb], step, [...path, 'steps', i], visit);
  }
}
