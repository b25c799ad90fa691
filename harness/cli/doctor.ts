/** `segproof doctor`: what of this machine a run needs, and how to mend what is missing. */
import { examine } from '../../vm/doctor/examine.ts';
import type { Finding } from '../../vm/doctor/finding.ts';
import { EXIT } from './exit.ts';
import { toStderr } from './progress.ts';

const WORDS: Readonly<Record<Finding['state'], string>> = { good: 'ok', note: 'note', lacking: 'LACKING' };

export async function doctorCommand(flags: { readonly fix?: boolean }): Promise<number> {
  let exit: number = EXIT.ok;
  print('good', 'Node.js', process.versions.node);
  for await (const { state, subject, detail, mend } of examine(flags.fix === true, toStderr)) {
    print(state, subject, detail);
    for (const line of mend === '' ? [] : mend.split('\n'))
      process.stdout.write(`${' '.repeat(9)}mend: ${line}\n`);
    if (state === 'lacking') exit = EXIT.unavailable;
  }
  return exit;
}

function print(state: Finding['state'], subject: string, detail: string): void {
  process.stdout.write(`${WORDS[state].padEnd(9)}${subject.padEnd(20)} ${detail}\n`);
}
