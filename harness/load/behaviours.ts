/** Reads `suites/behaviours.yaml`: what kernels do or do not do, since when, and how to ask them. */
import { z } from 'zod';
import { NO_BEHAVIOURS, type BehaviourTable } from './behaviour-table.ts';
import type { Report, Surroundings } from './case.ts';
import { badName } from './names.ts';
import { probeCases, type ProbeCases } from './probe.ts';
import { nearHint, quote, withoutEchoes, type Problem } from './problem.ts';
import { slug } from './schema/common.ts';
import { behaviourSchema, behavioursSchema, type BehaviourYaml } from './schema/suite.ts';
import { validate } from './sentences.ts';
import { isMapping } from './walk.ts';
import { readYaml } from './yaml.ts';
import { type YamlFile } from './yaml-file.ts';

export interface Behaviour extends Omit<BehaviourYaml, 'probe'> {
  readonly name: string;
  readonly probe: ProbeCases;
}

export interface Behaviours extends BehaviourTable {
  readonly list: readonly Behaviour[];
}

export function loadBehaviours(
  path: string,
  shown: string,
  around: Pick<Surroundings, 'topologies' | 'broken'>,
): { behaviours: Behaviours; problems: Problem[] } {
  const { file, problems } = readYaml(path, shown);
  if (!file) return { behaviours: { ...NO_BEHAVIOURS, complete: false, list: [] }, problems };
  const loaded = behavioursFrom(file, around);
  const complete = loaded.behaviours.complete && problems.length === 0;
  return {
    behaviours: { ...loaded.behaviours, complete },
    problems: withoutEchoes(problems, loaded.problems),
  };
}

/** One bad behaviour must not hide what is wrong with the others. */
const headSchema = behavioursSchema.extend({ behaviours: z.record(z.string(), z.unknown()) });

/** The behaviours in an already parsed file. */
export function behavioursFrom(
  file: YamlFile,
  around: Pick<Surroundings, 'topologies' | 'broken'>,
): { behaviours: Behaviours; problems: Problem[] } {
  const head = validate(headSchema, file.value, file);
  const problems = [...head.problems];
  const report: Report = (at, message, more = {}, spot = 'at') => {
    problems.push({ ...file[spot](at), message, ...more });
  };
  const constants = head.value?.constants ?? {};
  for (const name of Object.keys(constants)) {
    const bad = badName(name);
    if (bad !== null)
      report(['constants', name], `${quote(name)} cannot name a constant`, { expected: bad }, 'key');
  }
  const list: Behaviour[] = [];
  const implied = new Map<string, { behaviour: string; value: number }[]>();
  const raw = isMapping(file.value) ? file.value['behaviours'] : undefined;
  for (const [name, body] of Object.entries(isMapping(raw) ? raw : {})) {
    const at = ['behaviours', name];
    if (!slug.safeParse(name).success)
      report(
        at,
        `${quote(name)} cannot name a behaviour`,
        { expected: 'lower-case words joined by hyphens' },
        'key',
      );
    const checked = validate(behaviourSchema, body, file, at);
    problems.push(...checked.problems);
    if (!checked.value) continue;
    checkVersions(checked.value, [...at], report);
    for (const [constant, value] of Object.entries(checked.value.implies ?? {})) {
      if (!(constant in constants))
        report(
          [...at, 'implies', constant],
          `unknown constant ${quote(constant)}`,
          {
            expected: 'its value without any behaviour in "constants:"',
            ...nearHint(constant, Object.keys(constants)),
          },
          'key',
        );
      implied.set(constant, [...(implied.get(constant) ?? []), { behaviour: name, value }]);
    }
    const probe = probeCases(name, checked.value.probe, file, [...at, 'probe'], around);
    problems.push(...probe.problems);
    if (probe.cases) list.push({ ...checked.value, name, probe: probe.cases });
  }
  const names = new Set(Object.keys(isMapping(raw) ? raw : {}));
  return { behaviours: { list, names, constants, implied, complete: problems.length === 0 }, problems };
}

/** One point release per stable series, each older than the mainline release. */
function checkVersions(yaml: BehaviourYaml, path: readonly string[], report: Report): void {
  for (const key of ['stable', 'until_stable'] as const) {
    const seen = new Set<string>();
    for (const [i, version] of (yaml[key] ?? []).entries()) {
      const series = version.split('.').slice(0, 2).join('.');
      if (!/^\d+\.\d+\.\d+$/.test(version))
        report([...path, key, i], `${version} is no point release`, { expected: 'e.g. "6.1.129"' });
      if (seen.has(series)) report([...path, key, i], `the series ${series} is listed twice`);
      seen.add(series);
    }
  }
  if (yaml.until_stable && !yaml.until)
    report([...path, 'until_stable'], '"until_stable" without "until"', {}, 'key');
}
