/** `segproof merge`: the results of all shards of a run as the results of one run. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { combine, createView } from '../../reports/create.ts';
import { createResultsWriter } from '../../reports/write.ts';
import { merge } from '../run/merge.ts';
import { EXIT, UserError } from './exit.ts';
import type { MergeFlags } from './program.ts';
import { redraws, style } from './terminal.ts';

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
    onEvent: (event) => {
      view.event(event);
    },
  });
  await view.close();
  return exit;
}
