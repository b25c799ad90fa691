/** Starts a target only to learn what kernel it is: for `behaviours` and `explain`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TargetSummary } from '../contract/result.ts';
import { modulesFor } from '../run/modules.ts';
import type { Planner } from '../run/planner.ts';
import type { RunTargetOptions } from '../run/run.ts';
import { Session } from '../run/session.ts';
import { survey } from '../run/survey.ts';
import { agentCommand } from './agent-command.ts';

export async function surveyTarget(
  target: RunTargetOptions,
  planner: Planner,
  judgeAs: string | null,
): Promise<TargetSummary> {
  const folder = mkdtempSync(join(tmpdir(), 'segproof-'));
  const { source, bootMs, upstream } = target;
  const aborter = new AbortController();
  const stop = (): void => {
    aborter.abort(new Error('interrupted'));
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const machine = await source.start({
      command: agentCommand(),
      modules: modulesFor(planner.needs),
      folder,
      bootMs,
      signal: aborter.signal,
      onState: () => undefined,
    });
    await using session = new Session(machine);
    return (await survey(session, planner, { target: source.target, judgeAs, upstream, bootMs })).summary;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    rmSync(folder, { recursive: true, force: true });
  }
}
