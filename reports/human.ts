import { Collected } from './collect.ts';
import { Fold } from './fold.ts';
import { failureBlock } from './human-failure.ts';
import { summary } from './human-summary.ts';
import { unexpected } from './outcomes.ts';
import { painter } from './paint.ts';
import { createProgress } from './progress.ts';
import { createSink } from './sink.ts';
import type { View, ViewOptions } from './view.ts';

/**
 * The view for people: progress on `err`; on `out` each failure as it comes and, at the end, what the whole run says.
 */
export function createHuman(options: ViewOptions): View {
  const columns = Math.min(160, Math.max(40, options.columns));
  const block = { paint: painter(options.colour), columns, verbose: options.verbose };
  const sink = createSink(options.out);
  const progress = createProgress({ ...options, columns, prefix: '' });
  const run = new Collected();
  const fold = new Fold(options.verbose);
  let ended = false;

  const print = (lines: readonly string[]): void => {
    progress.aside(() => {
      sink.write(`${lines.join('\n')}\n`);
    });
  };
  const end = (): void => {
    ended = true;
    print(summary(run, fold, block));
  };

  return {
    event(event) {
      run.event(event);
      if (event.type === 'case-end' && unexpected(event.result.outcome) && fold.show(event.result)) {
        print([...failureBlock(event.result, { ...block, folder: run.start?.folder ?? '' }), '']);
      }
      progress.event(event);
      if (event.type === 'run-end' && !ended) end();
    },
    async close() {
      await progress.close();
      if (!ended && run.start !== null) end();
      await sink.flush();
    },
  };
}
