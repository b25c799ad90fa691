/** `segproof explain ID`: what a case does, why, and what is expected on a kernel; or the case as a C program. */
import { formatExplain } from '../../reports/explain.ts';
import type { PlannedCase } from '../contract/expectation.ts';
import type { BehaviourStatus, TargetSummary } from '../contract/result.ts';
import { explainSections } from '../plan/explain.ts';
import { createPlanner, variantInfos } from '../plan/planner.ts';
import { reproducer } from '../reproduce/reproducer.ts';
import { Unprintable } from '../reproduce/unprintable.ts';
import type { Planner } from '../run/planner.ts';
import { select } from '../load/select.ts';
import { EXIT, UserError } from './exit.ts';
import { requireVersion } from './judge-as.ts';
import type { RunFlags } from './program.ts';
import { requireProject } from './project.ts';
import { surveyTarget } from './survey.ts';
import { agentFiles } from './agent-command.ts';
import { targetsOf } from './targets.ts';
import { style } from './terminal.ts';

export async function explainCommand(
  id: string,
  flags: RunFlags & { readonly c?: boolean },
): Promise<number> {
  requireVersion(flags.judgeAs);
  const project = requireProject(flags.suite);
  const chosen = select(variantInfos(project), [id]);
  const planner = createPlanner(project, chosen);
  const { name, statuses } = await judgedBy(planner, flags);
  const [planned, ...others] = planner.plan(statuses);
  if (!planned) throw new UserError(EXIT.data, `${id} has no variant`);
  if (flags.c) {
    process.stdout.write(printed(planned, name));
    return EXIT.ok;
  }
  const { title, sections } = explainSections(planned, statuses);
  const more = { heading: 'Other variants', lines: others.map((other) => other.id) };
  process.stdout.write(
    formatExplain(
      { title: `${title} (as judged on ${name})`, sections: [...sections, more] },
      style(process.stdout, flags.color),
    ),
  );
  return EXIT.ok;
}

/** A version alone answers without a machine; otherwise the kernel itself is asked. */
async function judgedBy(
  planner: Planner,
  flags: RunFlags,
): Promise<{ name: string; statuses: readonly BehaviourStatus[] }> {
  const { judgeAs } = flags;
  if (judgeAs !== undefined && flags.kernel.length === 0) {
    const statuses = planner.behaviours.map((info): BehaviourStatus => {
      const stated = planner.stated(info.name, judgeAs);
      return { ...info, stated, probed: 'not-probed', judged: stated === 'must-have' };
    });
    return { name: judgeAs, statuses };
  }
  const [target] = await targetsOf(flags, { standalone: agentFiles() });
  if (!target) throw new UserError(EXIT.usage, 'no kernel was named');
  const summary: TargetSummary = await surveyTarget(target, planner, judgeAs ?? null);
  return { name: `${summary.target}, ${summary.release}`, statuses: summary.behaviours };
}

function printed(planned: PlannedCase, kernel: string): string {
  try {
    return reproducer(planned, kernel);
  } catch (problem) {
    if (!(problem instanceof Unprintable)) throw problem;
    throw new UserError(EXIT.data, problem.message);
  }
}
