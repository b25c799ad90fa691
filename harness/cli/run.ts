/** `segproof run`: plan, run, show, and the exit status. */
import { join, relative } from 'node:path';
import { cacheRoot } from '../../vm/kernels/paths.ts';
import type { KnownIssue } from '../contract/known-issue.ts';
import { shellLine } from '../../vm/guest/command.ts';
import { combine, createView } from '../../reports/create.ts';
import { createResultsWriter } from '../../reports/write.ts';
import { projectFiles } from '../load/project.ts';
import { Past } from '../run/past.ts';
import { differences, makePlan, writePlan, type Choices, type RunPlan } from '../run/plan-file.ts';
import { modulesFor } from '../run/modules.ts';
import type { Planner } from '../run/planner.ts';
import { readRun, type Resumed } from '../run/resume.ts';
import { run, type RunTargetOptions } from '../run/run.ts';
import { select } from '../load/select.ts';
import { inShard, type GivenShard } from '../run/shard.ts';
import { createPlanner, variantInfos } from '../plan/planner.ts';
import { agentCommand, agentFiles, requireSegmenter } from './agent-command.ts';
import { choicesOf, requireBareResume, shardOf } from './choices.ts';
import { EarlyMachine } from './early.ts';
import { EXIT, UserError } from './exit.ts';
import { Interruption } from './interruption.ts';
import type { RunFlags } from './program.ts';
import { withProfile } from './profile.ts';
import { Keeper, requireTerminal } from './keep.ts';
import { Notes } from './notes.ts';
import { requireProject, suiteOptions } from './project.ts';
import { requireVersion } from './judge-as.ts';
import { defaultJobs, runningTarget, targetsOf } from './targets.ts';
import { newFolder, oldFolder, requireFree, type OwnFolder } from './results-folder.ts';
import { redraws, style } from './terminal.ts';
import { root, toolVersion } from './version.ts';

/** One run, with everything decided. */
interface Job {
  readonly choices: Choices;
  readonly flags: RunFlags;
  readonly planner: Planner;
  readonly plan: RunPlan;
  readonly knownIssues: readonly KnownIssue[];
  readonly command: readonly string[];
  readonly folder: string;
  readonly resumed: Resumed | null;
  readonly keeper: Keeper | undefined;
  readonly notes: Notes;
}

export async function runCommand(typed: readonly string[], given: RunFlags): Promise<number> {
  if (given.resume !== undefined) requireBareResume(typed, given);
  const { selection, flags } =
    given.resume === undefined ? await withProfile(typed, given) : { selection: typed, flags: given };
  requireVersion(flags.judgeAs);
  if (flags.output !== undefined) requireFree(flags.output);
  // Nobody else writes into the folder from before it is read.
  const own = flags.resume === undefined ? null : await oldFolder(flags.resume);
  try {
    return await prepareAndRun(selection, flags, own);
  } finally {
    await own?.release();
  }
}

/** @param old the folder of the run that is to go on */
async function prepareAndRun(
  selection: readonly string[],
  flags: RunFlags,
  old: OwnFolder | null,
): Promise<number> {
  const resumed = old && readRun(old.folder);
  const choices = resumed?.plan.choices ?? choicesOf(selection, flags);
  await requireSegmenter(choices.endpoint);
  const command = agentCommand(choices.endpoint);
  if (flags.keep === true) requireTerminal(choices.kernel);
  const keeper = flags.keep === true ? new Keeper() : undefined;
  const interruption = new Interruption();
  const notes = new Notes();
  let fresh: OwnFolder | null = null;
  const early = flags.dryRun ? null : await startEarly(choices, command, interruption.signal);
  try {
    const { planner, ...prepared } = prepare(choices, flags, resumed);
    const targets = early
      ? [{ ...runningTarget, source: early }]
      : await targetsOf(
          {
            ...choices,
            verbose: flags.verbose ?? false,
            offline: flags.offline ?? false,
            fresh: flags.fresh ?? false,
          },
          { keeper, onNote: notes.tell, standalone: agentFiles(choices.endpoint) },
        );
    if (flags.dryRun) return await dryRun(planner, targets, command);
    const { folder } = old ?? (fresh = await newFolder(flags.output));
    return await realRun(
      { choices, flags, planner, ...prepared, command, folder, resumed, keeper, notes },
      targets,
      interruption,
    );
  } finally {
    await early?.discard();
    interruption.stop();
    await fresh?.release();
  }
}

/** Loads and selects the cases. A run that is resumed must find them as they were. */
function prepare(
  choices: Choices,
  flags: RunFlags,
  resumed: Resumed | null,
): Pick<Job, 'planner' | 'plan' | 'knownIssues'> {
  const shard = resumed ? resumed.plan.shard : tellShard(shardOf(flags));
  const project = requireProject(choices.suite);
  const chosen = select(variantInfos(project), choices.selection);
  const plan = makePlan(
    { tool: toolVersion, choices, shard: shard && { index: shard.index, count: shard.count } },
    chosen.map(({ id }) => id),
    projectFiles(root, suiteOptions(choices.suite)),
    root,
  );
  const changes = resumed ? differences(resumed.plan, plan) : [];
  if (changes.length > 0)
    throw new UserError(
      EXIT.data,
      'the run cannot be resumed, its results would not belong together',
      [...changes, 'undo that, or start a new run without --resume'].join('\n'),
    );
  return {
    planner: createPlanner(project, shard ? chosen.filter(({ id }) => inShard(id, shard)) : chosen),
    plan,
    knownIssues: project.knownIssues,
  };
}

/** Says which part of the run this is, and by whose word. */
function tellShard(shard: GivenShard | null): GivenShard | null {
  if (shard) process.stderr.write(`segproof: shard ${shard.index} of ${shard.count} (${shard.by})\n`);
  return shard;
}

/** The running kernel's agent, when nothing else is asked for. */
async function startEarly(
  choices: Choices,
  command: readonly string[],
  signal: AbortSignal,
): Promise<EarlyMachine | null> {
  if (choices.kernel.some((spec) => spec !== 'running')) return null;
  const { source, bootMs } = runningTarget;
  const early = new EarlyMachine(source, { command, folder: '', bootMs, signal, onState: () => undefined });
  await early.begun;
  return early;
}

async function dryRun(
  planner: Planner,
  targets: readonly RunTargetOptions[],
  command: readonly string[],
): Promise<number> {
  for (const { source } of targets) {
    for (const line of await source.describe({
      command,
      modules: modulesFor(planner.needs),
      folder: 'results/…',
    }))
      process.stdout.write(`${line}\n`);
  }
  for (const { id } of planner.variants) process.stdout.write(`# ${id}\n`);
  return EXIT.ok;
}

async function realRun(
  job: Job,
  targets: readonly RunTargetOptions[],
  interruption: Interruption,
): Promise<number> {
  const { choices, flags, folder, planner, resumed } = job;
  if (!resumed) writePlan(folder, job.plan);
  const view = combine([
    createView(flags.format, {
      out: process.stdout,
      err: process.stderr,
      ...style(process.stdout, flags.color),
      // The terminal is the guest's while one is kept.
      tty: redraws(process.stderr) && job.keeper === undefined,
      verbose: flags.verbose ?? false,
    }),
    createResultsWriter(folder),
  ]);
  job.notes.listen((message) => {
    view.event({ type: 'notice', target: null, message });
  });
  const { untilFail = false } = choices;
  const past = new Past(join(cacheRoot(), 'durations.json'));
  const exit = await run({
    tool: toolVersion,
    commandLine: process.argv.slice(2),
    planner,
    targets,
    order: (all) => past.order(all, ({ source }) => source.target),
    judgeAs: choices.judgeAs ?? null,
    command: job.command,
    folder,
    jobs: job.keeper ? 1 : (flags.jobs ?? defaultJobs()),
    rounds: choices.repeat ?? (untilFail ? Infinity : 1),
    untilFail,
    knownIssues: job.knownIssues,
    ...(flags.deadline === undefined ? {} : { deadlineMs: flags.deadline }),
    ...(flags.silence === undefined ? {} : { silenceMs: flags.silence }),
    ...(resumed ? { resumed } : {}),
    rerun: (target, id) => rerun(choices, target, id),
    onEvent: (event) => {
      view.event(event);
      past.event(event);
      job.keeper?.event(event);
    },
    signal: interruption.signal,
  });
  if (targets.length > 1) past.save();
  await view.close();
  return interruption.exit ?? exit;
}

function rerun(choices: Choices, target: string, id: string): string {
  const words = [process.env['SEGPROOF_PROGRAM'] ?? 'segproof', 'run'];
  if (target !== 'running')
    words.push(
      '--kernel',
      choices.kernel.find((spec) => spec === target || spec.endsWith(`/${target}`)) ?? target,
    );
  for (const argument of choices.kernelArg) words.push('--kernel-arg', argument);
  if (choices.judgeAs !== undefined) words.push('--judge-as', choices.judgeAs);
  for (const suite of choices.suite) words.push('--suite', relative('.', suite));
  if (choices.endpoint !== undefined) words.push('--endpoint', choices.endpoint);
  return shellLine([...words, id]);
}
