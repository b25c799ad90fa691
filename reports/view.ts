import type { Writable } from 'node:stream';
import type { RunEvent } from '../harness/contract/result.ts';

/** Something that follows a run and shows it. Views compute no verdicts; they never throw from `event`. */
export interface View {
  event(event: RunEvent): void;
  /**
   * Writes what is still missing, also when no `run-end` was seen, and flushes. Rejects when the product could not be
   * written (disk full …); a reader that went away (EPIPE) is no error.
   */
  close(): Promise<void>;
}

export const FORMATS = ['human', 'tap', 'ktap', 'json', 'jsonl', 'junit', 'github'] as const;
export type Format = (typeof FORMATS)[number];

export interface ViewOptions {
  /** Gets the product: the report, TAP, JSON … and nothing else. */
  readonly out: Writable;
  /** Gets what is for people only: progress and notices. */
  readonly err: Writable;
  readonly colour: boolean;
  /** `err` is a terminal whose lines may be redrawn. */
  readonly tty: boolean;
  /** Width of the terminal in columns; used from 40 up to 160. */
  readonly columns: number;
  /** Shows every failure in full and every system call. */
  readonly verbose: boolean;
  /** Clock in ms for throttling and elapsed times; the system's by default. */
  readonly now?: () => number;
}
