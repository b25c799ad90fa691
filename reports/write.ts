import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { Collected } from './collect.ts';
import { resultsText } from './json.ts';
import { createTap } from './tap.ts';
import type { View } from './view.ts';

/** A report could not be written; the message is for users, the old file is as it was. */
export class WriteError extends Error {
  /** What the user can do. */
  readonly advice: string;
  constructor(message: string, advice: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WriteError';
    this.advice = advice;
  }
}

const WHY: Readonly<Record<string, readonly [why: string, advice: string]>> = {
  ENOSPC: ['no space left on the device', 'Free some space or give another folder with -o.'],
  EDQUOT: ['disk quota exceeded', 'Free some space or give another folder with -o.'],
  EROFS: ['the file system is read-only', 'Give another folder with -o.'],
  EACCES: ['permission denied', 'Give a folder with -o that you may write to.'],
  ENOTDIR: ['a part of the path is a file', 'Give another folder with -o.'],
};

function explain(file: string, error: unknown): WriteError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const [why, advice] = WHY[code] ?? [message, 'Give another folder with -o.'];
  return new WriteError(`cannot write ${file}: ${why}${code === '' ? '' : ` (${code})`}`, advice, {
    cause: error,
  });
}

/** Characters that are written at a time. */
const BLOCK = 1 << 20;

function* inBlocks(pieces: Iterable<string>): Generator<string> {
  let block = '';
  for (const piece of pieces) {
    block += piece;
    if (block.length < BLOCK) continue;
    yield block;
    block = '';
  }
  yield block;
}

/** Replaces a file at once: readers see the old or the new text, also after a crash. Makes its folder if needed. */
export async function writeAtomically(file: string, text: Iterable<string>): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(temporary, 'w');
    try {
      await writeFile(handle, inBlocks(text));
      // Delayed allocation tells of a full disk as late as here.
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw explain(file, error);
  }
}

/** Follows a run and writes `results.json` and `results.tap` into its results folder when it is closed. */
export function createResultsWriter(folder: string): View {
  const run = new Collected();
  let tapText = '';
  const tap = createTap({
    out: new Writable({
      decodeStrings: false,
      write(chunk: string, _encoding, done) {
        tapText += chunk;
        done();
      },
    }),
  });
  return {
    event(event) {
      run.event(event);
      tap.event(event);
    },
    async close() {
      await tap.close();
      if (run.start === null) return;
      // One after the other would keep the second from being tried.
      const written = await Promise.allSettled([
        writeAtomically(join(folder, 'results.json'), resultsText(run)),
        writeAtomically(join(folder, 'results.tap'), [tapText]),
      ]);
      const failed = written.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  };
}
