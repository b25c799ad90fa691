/** A behaviour's probe as two cases that do the same: one expects what a kernel with it does, one what others do. */
import type { Location } from '../contract/result.ts';
import { buildCase, type Case, type Surroundings } from './case.ts';
import { NO_BEHAVIOURS } from './behaviour-table.ts';
import { sortProblems, type Problem } from './problem.ts';
import type { BehaviourYaml } from './schema/suite.ts';
import { validateCase } from './validate-case.ts';
import { isMapping } from './walk.ts';
import type { Path, Places, YamlFile } from './yaml-file.ts';

export interface ProbeCases {
  readonly has: Case;
  readonly lacks: Case;
}

type Answer = 'has' | 'lacks';

/** Neither has() nor implied constants are in scope: they are what the probe is to find out. */
export function probeCases(
  behaviour: string,
  yaml: BehaviourYaml['probe'],
  file: YamlFile,
  path: Path,
  around: Pick<Surroundings, 'topologies' | 'broken'>,
): { cases: ProbeCases | null; problems: Problem[] } {
  const problems: Problem[] = [];
  const build = (answer: Answer): Case | null => {
    const view = new AnswerView(file, path, yaml, answer);
    const body = asCase(behaviour, yaml, answer);
    const checked = validateCase(body, view, path);
    problems.push(...checked.problems);
    if (!checked.value) return null;
    const input = { id: `probe/${behaviour}`, suite: 'probe', yaml: checked.value, file: view, path };
    const inherited = {
      source: [],
      tags: [],
      needs: [],
      topology: undefined,
      axes: {},
      exclude: [],
      lets: [],
    };
    const result = buildCase(input, inherited, { ...around, behaviours: NO_BEHAVIOURS });
    problems.push(...result.problems);
    return result.built;
  };
  const has = build('has');
  const lacks = build('lacks');
  return { cases: has && lacks ? { has, lacks } : null, problems: sortProblems(problems) };
}

function asCase(behaviour: string, yaml: BehaviourYaml['probe'], answer: Answer): Record<string, unknown> {
  const { has, lacks, steps, family, mtu, parameters = {}, request, sender, ...rest } = yaml;
  const axes = {
    ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]])),
    family: [family],
    ...(mtu === undefined ? {} : { mtu: [mtu] }),
    ...(request === undefined ? {} : { request: [request] }),
    ...(sender === undefined ? {} : { sender: [sender] }),
  };
  const expect = { has, lacks }[answer];
  return {
    rule: `Does the kernel have ${behaviour}?`,
    axes,
    ...rest,
    ...(expect === undefined ? {} : { expect }),
    ...(steps === undefined ? {} : { steps: steps.map((step) => stepWith(step, answer)) }),
  };
}

function stepWith(step: unknown, answer: Answer): unknown {
  if (!isMapping(step) || !('has' in step || 'lacks' in step)) return step;
  const { has, lacks, ...rest } = step;
  return { ...rest, expect: { has, lacks }[answer] };
}

/** The file seen as one of the two cases: what is asked of `expect` stands in `has` or `lacks`. */
export class AnswerView implements YamlFile {
  readonly whole: YamlFile;
  readonly base: Path;
  readonly yaml: BehaviourYaml['probe'];
  readonly answer: Answer;

  constructor(whole: YamlFile, base: Path, yaml: BehaviourYaml['probe'], answer: Answer) {
    this.whole = whole;
    this.base = base;
    this.yaml = yaml;
    this.answer = answer;
  }

  get file(): string {
    return this.whole.file;
  }

  get value(): unknown {
    return this.whole.value;
  }

  at(path: Path): Location {
    return this.whole.at(this.real(path));
  }

  key(path: Path): Location {
    return this.whole.key(this.real(path));
  }

  inside(path: Path, offset: number): Location {
    return this.whole.inside(this.real(path), offset);
  }

  source(path: Path): string | undefined {
    return this.whole.source(this.real(path));
  }

  places(): Places {
    return this.whole.places();
  }

  private real(path: Path): Path {
    const { base, yaml, answer } = this;
    const i = path[base.length] === 'steps' ? base.length + 2 : base.length;
    const step = i === base.length ? yaml : yaml.steps?.[Number(path[base.length + 1])];
    if (path[i] !== 'expect' || !isMapping(step) || !(answer in step)) return path;
    return [...path.slice(0, i), answer, ...path.slice(i + 1)];
  }
}
