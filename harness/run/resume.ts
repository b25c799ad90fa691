/** What a run that was cut off has left in its folder. */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { RunEvent } from '../contract/result.ts';
import { shownPath } from './folder.ts';
import { JournalDamage, parseJournal, type ReadJournal } from './journal-line.ts';
import { readPlan, type RunPlan } from './plan-file.ts';
import { RunError } from './run-error.ts';

export interface Resumed {
  readonly plan: RunPlan;
  readonly journal: ReadJournal;
}

const PIECE_BYTES = 1024 * 1024;

/** A file's content, piece by piece, each good until the next one is asked for. */
function* pieces(path: string): Generator<Buffer> {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(PIECE_BYTES);
    for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) yield buffer.subarray(0, got);
  } finally {
    closeSync(fd);
  }
}

/** Reads plan and journal of a results folder. @throws RunError when it holds no run, or a damaged one */
export function readRun(folder: string): Resumed {
  const plan = readPlan(folder);
  const path = join(folder, 'journal.jsonl');
  try {
    return { plan, journal: parseJournal(pieces(path)) };
  } catch (error) {
    // Killed before the first event: everything is still to be done.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return { plan, journal: { events: [], bytes: 0, cut: 0, crc: 0 } };
    if (!(error instanceof JournalDamage)) throw error;
    throw new RunError(
      65,
      `${shownPath(path)}:${error.line}: ${error.message}`,
      `what it says of finished cases cannot be trusted; start the run anew in another folder`,
    );
  }
}

/**
 * The events of a journal as one process would have told them: every result once, nothing of machines that are gone, of
 * cases that had no end, or of those that were given up before their turn.
 */
export function replay(events: readonly RunEvent[]): RunEvent[] {
  const last = new Map<string, RunEvent>();
  for (const event of events) if (event.type === 'case-end') last.set(key(event), event);
  return events.filter((event) => {
    switch (event.type) {
      case 'case-end':
        return event.result.cut !== 'not-run' && last.get(key(event)) === event;
      case 'run-start':
      case 'target':
      case 'notice':
        return true;
      case 'case-start':
      case 'machine':
      case 'run-end':
      case 'run-resume':
        return false;
    }
  });
}

function key({ result }: RunEvent & { type: 'case-end' }): string {
  return `${result.target} ${result.id} ${result.attempt}`;
}
