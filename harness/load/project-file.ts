/** Reads segproof.yaml: named kernels, selections and profiles of options. */
import { durationMs } from './duration.ts';
import { nearHint, oneOf, quote, sortProblems, withoutEchoes, type Problem } from './problem.ts';
import { projectFileSchema, type Profile, type ProjectFile } from './schema/project-file.ts';
import { validate } from './sentences.ts';
import { readYaml } from './yaml.ts';
import type { YamlFile } from './yaml-file.ts';

export interface LoadedProjectFile {
  readonly file: ProjectFile | null;
  readonly problems: Problem[];
}

export function loadProjectFile(path: string, shown: string): LoadedProjectFile {
  const { file, problems } = readYaml(path, shown);
  if (!file) return { file: null, problems };
  const loaded = projectFileFrom(file);
  return { ...loaded, problems: sortProblems(withoutEchoes(problems, loaded.problems)) };
}

/** The project file in an already parsed one. */
export function projectFileFrom(file: YamlFile): LoadedProjectFile {
  const { value, problems } = validate(projectFileSchema, file.value, file);
  if (!value) return { file: null, problems };
  const profiles = Object.keys(value.profiles);
  if (value.default !== undefined && !profiles.includes(value.default))
    problems.push({
      ...file.at(['default']),
      message: `there is no profile ${quote(value.default)}`,
      expected: oneOf(profiles),
      ...nearHint(value.default, profiles),
    });
  for (const [name, { deadline }] of Object.entries(value.profiles))
    if (deadline !== undefined && durationMs(deadline) === null)
      problems.push({
        ...file.at(['profiles', name, 'deadline']),
        message: `${quote(deadline)} is no time`,
        expected: 'such as 90s, 30m or 2h',
      });
  return { file: value, problems };
}

/** A profile with the names of its kernels and selections put in. */
export function resolveProfile(file: ProjectFile, profile: Profile): Profile {
  const put = (words: readonly string[] | undefined, named: ProjectFile['kernels']): string[] | undefined =>
    words && [...new Set(words.flatMap((word) => named?.[word] ?? [word]))];
  const kernels = put(profile.kernels, file.kernels);
  const select = put(profile.select, file.selections);
  return { ...profile, ...(kernels ? { kernels } : {}), ...(select ? { select } : {}) };
}
