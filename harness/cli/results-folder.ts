/** The folder that a run writes into, for itself alone. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryLock, type Held } from '../../vm/kernels/lock.ts';
import { folderName, shownPath } from '../run/folder.ts';
import { readPlan } from '../run/plan-file.ts';
import { writeError } from '../run/run-error.ts';
import { EXIT, UserError } from './exit.ts';

export interface OwnFolder {
  readonly folder: string;
  /** Lets others have it; the end of this process does so too. */
  release(): Promise<void>;
}

const LOCK = '.lock';
/** The lock of a process that was killed is free as soon as the kernel has ended its helper: longest wait for that, in ms. */
const HEALING_MS = 5000;

/** `pid start-time`: proc(5) field 22 tells a process from a later one of the same number; null when it has ended. */
function identity(pid: string): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : `${pid} ${fields[19] ?? ''}`;
  } catch {
    return null;
  }
}

/** Who holds the lock by its file; null when that process has ended. */
function owner(file: string): string | null {
  const [pid = ''] = readFileSync(file, 'utf8').split(' ');
  return /^\d+$/.test(pid) && identity(pid) === readFileSync(file, 'utf8').trim() ? pid : null;
}

/** @returns why not, where somebody else holds it */
async function lock(folder: string): Promise<Held | string> {
  const file = join(folder, LOCK);
  const attempt = async (): Promise<Held | null> => {
    try {
      mkdirSync(folder, { recursive: true });
      const held = await tryLock(file);
      if (held) writeFileSync(file, `${identity(String(process.pid)) ?? ''}\n`);
      return held;
    } catch (error) {
      throw writeError(shownPath(file), shownPath(folder), error);
    }
  };
  const until = performance.now() + HEALING_MS;
  for (;;) {
    const held = await attempt();
    if (held) return held;
    const pid = owner(file);
    if (pid !== null) return `process ${pid} is writing into it`;
    if (performance.now() > until) return 'another process is writing into it';
    await sleep(20);
  }
}

const holdsRun = (folder: string): boolean =>
  ['plan.json', 'journal.jsonl'].some((name) => existsSync(join(folder, name)));

/** Refuses a folder that holds results, so that none are lost: at once, and not after kernels were fetched. */
export function requireFree(output: string): void {
  if (holdsRun(resolve(output)))
    throw new UserError(
      EXIT.usage,
      `${output} already holds the results of a run`,
      `give another folder with -o, remove that one, or go on with it: segproof run --resume ${shownPath(resolve(output))}`,
    );
}

/** A new folder for a run. */
export async function newFolder(output: string | undefined): Promise<OwnFolder> {
  const folder = resolve(output ?? join('results', folderName(new Date())));
  const held = await lock(folder);
  if (typeof held === 'string') {
    if (output !== undefined) throw inUse(folder, held);
  } else {
    if (!holdsRun(folder)) return { folder, release: () => held.release() };
    await held.release();
    if (output !== undefined) requireFree(output);
  }
  // Another run of the same second.
  return newFolder(`${folder}-${process.pid}`);
}

/** The folder of a run that is to go on. */
export async function oldFolder(given: string): Promise<OwnFolder> {
  const folder = resolve(given);
  readPlan(folder);
  const held = await lock(folder);
  if (typeof held === 'string') throw inUse(folder, held);
  return { folder, release: () => held.release() };
}

function inUse(folder: string, why: string): UserError {
  return new UserError(
    EXIT.usage,
    `${shownPath(folder)} is in use: ${why}`,
    'wait for that run or end it, then go on with --resume; or give another folder with -o',
  );
}
