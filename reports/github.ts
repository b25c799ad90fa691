import type { CaseResult } from '../harness/contract/result.ts';
import { Collected } from './collect.ts';
import { tally, unexpected, WORD } from './outcomes.ts';
import { createSink } from './sink.ts';
import { excerpt, plural, visible } from './text.ts';
import type { View, ViewOptions } from './view.ts';

/** GitHub shows at most ten annotations of a kind per step: nine failures and the digest. */
const SHOWN = 9;

function data(text: string): string {
  return visible(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

function annotation(result: CaseResult): string {
  const failed = result.checks.find((check) => !check.ok);
  const { file, line, column } = failed?.where ?? result.where;
  const parts = [
    `${result.id} on ${result.target}`,
    excerpt(result.reason, 300),
    ...(failed === undefined
      ? []
      : [`expected ${excerpt(failed.expected.join(' or '), 300)}`, `actual ${excerpt(failed.actual, 300)}`]),
    ...result.missing.map(({ commit, subject }) => `missing ${commit} ${subject}`),
    `rerun: ${result.rerun}`,
  ];
  const title = `${WORD[result.outcome]} ${result.id} on ${result.target}`;
  const where = `file=${property(file)},line=${line},col=${column},title=${property(title)}`;
  return `::error ${where}::${parts.map(data).join('%0A')}`;
}

/** GitHub workflow commands: the first failures as annotations in the suite files, and one digest. */
export function createGithub(options: Pick<ViewOptions, 'out'>): View {
  const sink = createSink(options.out);
  const run = new Collected();
  return {
    event(event) {
      run.event(event);
    },
    async close() {
      if (run.start !== null) {
        const failures = [...run.finals()].filter(({ outcome }) => unexpected(outcome));
        const hidden = Math.max(0, failures.length - SHOWN);
        const more = hidden === 0 ? '' : `; ${plural(hidden, 'failure')} more than shown`;
        const digest = `${tally(run.totals()).join(', ')} on ${plural(run.targets.size, 'target')}${more}`;
        const lines = [
          ...failures.slice(0, SHOWN).map(annotation),
          `::notice title=segproof::${data(digest)}`,
        ];
        sink.write(`${lines.join('\n')}\n`);
      }
      await sink.flush();
    },
  };
}
