/** `segproof run`: plan, run, show, and the exit status. */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { shellLine } from '../../vm/guest/command.ts';
import { combine, createView } from '../../reports/create.ts';
import { createResultsWriter } from '../../reports/write.ts';
import { folderName } from '../run/folder.ts';
import { run } from '../run/run.ts';
import { select } from '../run/select.ts';
import { createPlanner, variantInfos } from '../plan/planner.ts';
import { EXIT, UserError } from './exit.ts';
import type { RunFlags } from './program.ts';
import { requireProject } from './project.ts';
import { requireVersion } from './judge-as.ts';

import { defaultJobs, targetsOf } from './targets.ts';
import { redraws, style } from './terminal.ts';
import { root, toolVersion } from './version.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export async function runCommand(selection: readonly string[], flags: RunFlags): Promise<number> {
  const project = requireProject(flags.suite);
  const planner = createPlanner(project, select(variantInfos(project), selection));
  requireVersion(flags.judgeAs);
  const command = agentCommand(flags.endpoint);
  const targets = await targetsOf(flags);
  if (flags.dryRun) {
    for (const { source } of targets) {
      for (const line of await source.describe({ command, folder: 'results/…' }))
        process.stdout.write(`${line}\n`);
    }
    for (const { id } of planner.variants) process.stdout.write(`# ${id}\n`);
    return EXIT.ok;
  }
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
  const interruption = new Interruption();
  try {
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
  } finally {
    interruption.stop();
  }
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
