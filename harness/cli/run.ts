/** `segproof run`: plan, run, show, and the exit status. */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { shellLine } from '../../vm/guest/command.ts';
import { combine, createView } from '../../reports/create.ts';
import { createResultsWriter } from '../../reports/write.ts';
import { folderName } from '../run/folder.ts';
import type { Planner } from '../run/planner.ts';
import { run, type RunTargetOptions } from '../run/run.ts';
import { select } from '../run/select.ts';
import { createPlanner, variantInfos } from '../plan/planner.ts';
import { EarlyMachine } from './early.ts';
import { EXIT, UserError } from './exit.ts';
import type { RunFlags } from './program.ts';
import { requireProject } from './project.ts';
import { requireVersion } from './judge-as.ts';

import { defaultJobs, runningTarget, targetsOf } from './targets.ts';
import { redraws, style } from './terminal.ts';
import { root, toolVersion } from './version.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export async function runCommand(selection: readonly string[], flags: RunFlags): Promise<number> {
  requireVersion(flags.judgeAs);
  const command = agentCommand(flags.endpoint);
  const interruption = new Interruption();
  const early = await startEarly(flags, command, interruption.signal);
  try {
    const project = requireProject(flags.suite);
    const planner = createPlanner(project, select(variantInfos(project), selection));
    const targets = early ? [{ ...runningTarget, source: early }] : await targetsOf(flags);
    return flags.dryRun
      ? await dryRun(planner, targets, command)
      : await realRun(planner, targets, command, flags, interruption);
  } finally {
    await early?.discard();
    interruption.stop();
  }
}

/** The running kernel's agent, when nothing else is asked for. */
async function startEarly(
  flags: RunFlags,
  command: readonly string[],
  signal: AbortSignal,
): Promise<EarlyMachine | null> {
  if (flags.dryRun || flags.kernel.some((spec) => spec !== 'running')) return null;
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
    for (const line of await source.describe({ command, folder: 'results/…' }))
      process.stdout.write(`${line}\n`);
  }
  for (const { id } of planner.variants) process.stdout.write(`# ${id}\n`);
  return EXIT.ok;
}

async function realRun(
  planner: Planner,
  targets: readonly RunTargetOptions[],
  command: readonly string[],
  flags: RunFlags,
  interruption: Interruption,
): Promise<number> {
  const folder = resultsFolder(flags.output);
  const view = combine([
    createView(flags.format, {
      out: process.stdout,
      err: process.stderr,
      ...style(process.stdout, flags.color),
      tty: redraws(process.stderr),
      verbose: flags.verbose ?? false,
    }),
    createResultsWriter(folder),
  ]);
  const exit = await run({
    tool: toolVersion,
    commandLine: process.argv.slice(2),
    planner,
    targets,
    judgeAs: flags.judgeAs ?? null,
    command,
    folder,
    jobs: flags.jobs ?? defaultJobs(),
    rerun: (target, id) => rerun(flags, target, id),
    onEvent: (event) => {
      view.event(event);
    },
    signal: interruption.signal,
  });
  await view.close();
  return interruption.exit ?? exit;
}

/** The compiled agent, with the wrong endpoint it is to load, if any. */
export function agentCommand(endpoint?: string): string[] {
  const agent = [process.execPath, join(root, 'dist/harness/agent/main.js')];
  if (endpoint === undefined) return agent;
  const module = join(root, 'dist/fixtures/endpoints', `${endpoint}.js`);
  if (!existsSync(module))
    throw new UserError(EXIT.usage, `there is no endpoint ${JSON.stringify(endpoint)} in fixtures/endpoints`);
  return ['env', `SEGPROOF_ENDPOINT=${module}`, ...agent];
}

/** A new folder of its own for each run; an existing one is refused, so that no results are lost. */
function resultsFolder(output: string | undefined): string {
  const folder = resolve(output ?? join('results', folderName(new Date())));
  if (!existsSync(join(folder, 'journal.jsonl'))) return folder;
  if (output === undefined) return resultsFolder(`${folder}-${process.pid}`);
  throw new UserError(
    EXIT.usage,
    `${output} already holds the results of a run`,
    'give another folder with -o, or remove that one',
  );
}

function rerun(flags: RunFlags, target: string, id: string): string {
  const words = [process.env['SEGPROOF_PROGRAM'] ?? 'segproof', 'run'];
  if (target !== 'running')
    words.push(
      '--kernel',
      flags.kernel.find((spec) => spec === target || spec.endsWith(`/${target}`)) ?? target,
    );
  for (const argument of flags.kernelArg) words.push('--kernel-arg', argument);
  if (flags.judgeAs !== undefined) words.push('--judge-as', flags.judgeAs);
  for (const suite of flags.suite) words.push('--suite', relative('.', suite));
  if (flags.endpoint !== undefined) words.push('--endpoint', flags.endpoint);
  return shellLine([...words, id]);
}

/** First signal: stop, tear down, write what there is, end with 128 + n. Second: leave at once. */
class Interruption {
  readonly #controller = new AbortController();
  readonly signal = this.#controller.signal;
  exit: number | null = null;

  constructor() {
    for (const name of SIGNALS) process.on(name, this.#hear);
  }

  readonly #hear = (name: NodeJS.Signals): void => {
    if (this.exit !== null) process.exit(this.exit);
    this.exit = 128 + constants.signals[name];
    process.stderr.write(
      `\nsegproof: ${name}: tearing down and writing what there is (again to leave at once)\n`,
    );
    this.#controller.abort(new Error(name));
  };

  stop(): void {
    for (const name of SIGNALS) process.off(name, this.#hear);
  }
}
