/** What the runner and the command line need of the cases, behind one interface. */
import type { BehaviourStatus } from '../contract/result.ts';
import type { Case } from '../load/case.ts';
import { undecided } from '../judge/behaviours.ts';
import { NEEDS } from '../load/check-meanings.ts';
import type { Project } from '../load/project.ts';
import type { BehaviourInfo, Planner, VariantInfo } from '../run/planner.ts';
import { Plans } from './plans.ts';
import { probePrograms } from './probes.ts';
import { planTarget } from './target.ts';
import { stated, upstreamVersion } from './version.ts';
import { needsOf, wantedProbes } from './wanted.ts';

/** Every variant of a project as the runner and `segproof list` know it. */
export function variantInfos(project: Project): VariantInfo[] {
  return project.suites.flatMap((suite) =>
    suite.cases.flatMap((theCase) => {
      const { rule, source, tags, where } = theCase;
      return theCase.variants.map(({ id }) => ({ id, suite: suite.name, rule, source, tags, where }));
    }),
  );
}

/**
 * A planner for the chosen variants. Throws ProblemError when a probe cannot be planned.
 * @param probed behaviours that a kernel is asked about: those that can matter to the chosen variants, or `all`
 */
export function createPlanner(
  project: Project,
  chosen: readonly { readonly id: string }[],
  probed: 'wanted' | 'all' = 'wanted',
): Planner {
  const { behaviours, topologies } = project;
  const ids = new Set(chosen.map(({ id }) => id));
  const variants = variantInfos(project).filter(({ id }) => ids.has(id));
  const cases = keep(project, ids);
  const all = probePrograms(behaviours.list, topologies);
  const needs = needsOf(cases, topologies);
  const probes = probed === 'all' ? all : wantedProbes(all, cases, needs, behaviours);
  for (const probe of probes) for (const need of probe.needs) needs.add(need);
  const plans = new Plans();
  return {
    variants,
    needs: NEEDS.filter((need) => needs.has(need)),
    behaviours: behaviours.list.map(({ name, summary, commit, subject, since }): BehaviourInfo => ({
      name,
      summary,
      commit,
      subject,
      since,
    })),
    probes,
    upstream: upstreamVersion,
    stated(name, upstream, release) {
      const behaviour = behaviours.list.find((one) => one.name === name);
      return behaviour ? stated(behaviour, upstream, release) : 'unknown';
    },
    plan(statuses: readonly BehaviourStatus[]) {
      const judged = new Map(statuses.map((status) => [status.name, status.judged]));
      const has = (behaviour: string): boolean => judged.get(behaviour) ?? false;
      const settled = statuses.filter((status) => !undecided(status));
      const states = Object.fromEntries(settled.map((status) => [status.name, status.judged]));
      return planTarget(cases, { topologies, behaviours, has, states }, plans);
    },
  };
}

/** The cases that have chosen variants, reduced to these. */
function keep(project: Project, ids: ReadonlySet<string>): Case[] {
  return project.suites
    .flatMap((suite) => suite.cases)
    .map((theCase) => ({ ...theCase, variants: theCase.variants.filter(({ id }) => ids.has(id)) }))
    .filter((theCase) => theCase.variants.length > 0);
}
