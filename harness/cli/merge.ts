/** `segproof merge`: the results of all shards of a run as the results of one run. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { combine, createView } from '../../reports/create.ts';
import { createResultsWriter } from '../../reports/write.ts';
import type { KnownIssue } from '../contract/known-issue.ts';
import { KNOWN_ISSUES, loadKnownIssues } from '../load/known-issues.ts';
import { merge } from '../run/merge.ts';
import { digest, readPlan } from '../run/plan-file.ts';
import { EXIT, UserError } from './exit.ts';
import type { MergeFlags } from './program.ts';
import { redraws, style } from './terminal.ts';
import { root } from './version.ts';

export async function mergeCommand(folders: readonly string[], flags: MergeFlags): Promise<number> {
  const folder = resolve(flags.output);
  if (existsSync(join(folder, 'plan.json')))
    throw new UserError(
      EXIT.usage,
      `${flags.output} already holds the results of a run`,
      'give another folder with -o, or remove that one',
    );
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
  const exit = merge({
    folders: folders.map((path) => resolve(path)),
    folder,
    partial: flags.partial ?? false,
    commandLine: process.argv.slice(2),
    knownIssues: knownIssuesOf(folders[0]),
    onEvent: (event) => {
      view.event(event);
    },
  });
  await view.close();
  return exit;
}

/** The known issues, where they are still those that the run was held against. */
function knownIssuesOf(folder = '.'): readonly KnownIssue[] | null {
  const file = join(root, KNOWN_ISSUES);
  const then = readPlan(resolve(folder)).content[KNOWN_ISSUES];
  const now = existsSync(file) ? digest(readFileSync(file)) : undefined;
  return then === now ? loadKnownIssues(file, KNOWN_ISSUES, null).issues : null;
}
