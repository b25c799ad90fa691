/** `segproof behaviours`: what a kernel has and lacks. */
import { formatBehaviours } from '../../reports/behaviours.ts';
import { EXIT } from './exit.ts';
import { createPlanner } from '../plan/planner.ts';
import { requireVersion } from './judge-as.ts';
import type { RunFlags } from './program.ts';
import { requireProject } from './project.ts';
import { surveyTarget } from './survey.ts';
import { agentFiles } from './agent-command.ts';
import { targetsOf } from './targets.ts';
import { style } from './terminal.ts';

export async function behavioursCommand(flags: RunFlags): Promise<number> {
  requireVersion(flags.judgeAs);
  const planner = createPlanner(requireProject(flags.suite), [], 'all');
  for (const target of await targetsOf(flags, { standalone: agentFiles() })) {
    const summary = await surveyTarget(target, planner, flags.judgeAs ?? null);
    process.stdout.write(formatBehaviours(summary, style(process.stdout, flags.color)));
  }
  return EXIT.ok;
}
