/** Options that come from a profile of segproof.yaml; what is given on the command line wins. */
import { existsSync } from 'node:fs';
import { shownPath } from '../run/folder.ts';
import { durationMs } from '../load/duration.ts';
import { formatProblem } from '../load/problem.ts';
import type { Profile } from '../load/schema/project-file.ts';
import { EXIT, UserError } from './exit.ts';
import type { RunFlags } from './program.ts';
import { countProblems } from './project.ts';

const FILE = 'segproof.yaml';

export interface Wanted {
  readonly selection: readonly string[];
  readonly flags: RunFlags;
}

/**
 * What a command line asks for, with the profile it names. One that names none, no cases and no kernel gets the default
 * profile of the `segproof.yaml` in the current folder, if there is one.
 */
export async function withProfile(selection: readonly string[], flags: RunFlags): Promise<Wanted> {
  const asked = flags.project !== undefined || flags.profile !== undefined;
  const path = flags.project ?? FILE;
  const bare = selection.length === 0 && flags.kernel.length === 0 && flags.suite.length === 0;
  if (!asked && !(bare && existsSync(path))) return { selection, flags };
  const found = await profileOf(path, flags.profile);
  if (!found) return { selection, flags };
  process.stderr.write(`segproof: profile ${found.name} of ${shownPath(path)}\n`);
  return merged(selection, flags, found.profile);
}

async function profileOf(path: string, asked?: string): Promise<{ name: string; profile: Profile } | null> {
  // Most runs have no project file, and the schema library takes 50 ms to load.
  const { loadProjectFile, resolveProfile } = await import('../load/project-file.ts');
  const { file, problems } = loadProjectFile(path, shownPath(path));
  if (!file || problems.length > 0)
    throw new UserError(EXIT.data, countProblems(problems.length), problems.map(formatProblem).join('\n'));
  const name = asked ?? file.default;
  if (name === undefined) return null;
  const profile = file.profiles[name];
  if (profile) return { name, profile: resolveProfile(file, profile) };
  throw new UserError(
    EXIT.usage,
    `${shownPath(path)} has no profile ${JSON.stringify(name)}`,
    `it has ${Object.keys(file.profiles).join(', ')}`,
  );
}

function merged(selection: readonly string[], flags: RunFlags, profile: Profile): Wanted {
  const { kernels, select, kernel_args, judge_as, jobs, repeat, deadline } = profile;
  const judgeAs = flags.judgeAs ?? judge_as;
  const machines = flags.jobs ?? jobs;
  const rounds = flags.repeat ?? repeat;
  const limit = flags.deadline ?? durationMs(deadline ?? '') ?? undefined;
  return {
    selection: selection.length > 0 ? selection : (select ?? []),
    flags: {
      ...flags,
      kernel: flags.kernel.length > 0 ? flags.kernel : (kernels ?? []),
      kernelArg: flags.kernelArg.length > 0 ? flags.kernelArg : (kernel_args ?? []),
      kvm: flags.kvm && profile.kvm !== false,
      ...(judgeAs === undefined ? {} : { judgeAs }),
      ...(machines === undefined ? {} : { jobs: machines }),
      ...(rounds === undefined ? {} : { repeat: rounds }),
      ...(limit === undefined ? {} : { deadline: limit }),
    },
  };
}
