/** segproof's own command, as a user types it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { EXIT, UserError } from '../harness/cli/exit.ts';
import { root } from '../harness/cli/version.ts';

/** How much of what it says is kept for an error message, in characters. */
const TAIL = 2000;

export interface Command {
  hasEnded(): boolean;
  /** Waits for its end. @throws UserError when its exit status is none of `expected` */
  ended(expected: readonly number[]): Promise<void>;
  /** Ends it where it still runs. */
  stop(): Promise<void>;
}

/** Starts `./segproof` with these arguments; its standard output is dropped. */
export function startSegproof(words: readonly string[]): Command {
  const child = spawn(join(root, 'segproof'), words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said = (said + chunk).slice(-TAIL);
  });
  const end = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    ended: async (expected) => {
      const status = await end;
      if (status !== null && expected.includes(status)) return;
      const message = `segproof ${words.join(' ')}: exit status ${status ?? 'none'}; it said:\n${said.trim()}`;
      throw new UserError(EXIT.unavailable, message);
    },
    stop: async () => {
      child.kill();
      await end;
    },
  };
}
