import type { Writable } from 'node:stream';
import { createGithub } from './github.ts';
import { createHuman } from './human.ts';
import { createJson, createJsonLines } from './json.ts';
import { createJunit } from './junit.ts';
import { createKtap } from './ktap.ts';
import { createProgress } from './progress.ts';
import { createTap } from './tap.ts';
import type { Format, View, ViewOptions } from './view.ts';

/** One view that hands everything to several. Closing closes all of them, then rejects with the first failure. */
export function combine(views: readonly View[]): View {
  return {
    event(event) {
      for (const view of views) view.event(event);
    },
    async close() {
      const closed = await Promise.allSettled(views.map((view) => view.close()));
      const failed = closed.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  };
}

function isTerminal(stream: Writable): boolean {
  return (stream as { isTTY?: boolean }).isTTY === true;
}

const PRODUCTS = {
  tap: createTap,
  ktap: createKtap,
  json: createJson,
  jsonl: createJsonLines,
  junit: createJunit,
  github: createGithub,
} as const;

/** The view for `--format`: its product on `out`, progress for people on `err`. */
export function createView(format: Format, options: ViewOptions): View {
  if (format === 'human') return createHuman(options);
  // A product that scrolls over the same terminal would be torn by redrawing.
  const tty = options.tty && !isTerminal(options.out);
  const prefix = format === 'tap' || format === 'ktap' ? '# ' : '';
  return combine([PRODUCTS[format](options), createProgress({ ...options, tty, prefix })]);
}
