import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KernelError, report, type KernelOptions } from './types.ts';

/*
 * A lock is an flock(2) held by a child whose standard input is our pipe: when this process ends, however it ends, the kernel
 * closes the pipe, the child ends and the lock is free. So there is no stale lock file to judge by its age or pid. The child
 * has its own session, so that Ctrl-C on the terminal does not release the lock before the work is undone.
 */

/** A lock that is held until `release` is called or this process ends. */
export interface Held {
  release(): Promise<void>;
}

/** @returns null when `wait` is false and somebody else holds the lock */
async function acquire(file: string, wait: boolean, signal?: AbortSignal): Promise<Held | null> {
  await mkdir(dirname(file), { recursive: true });
  signal?.throwIfAborted();
  const mode = wait ? ['--exclusive'] : ['--exclusive', '--nonblock'];
  const holder = spawn('flock', [...mode, file, 'sh', '-c', 'echo held; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  const ended = new Promise<NodeJS.ErrnoException | null>((resolve) => {
    holder.once('error', resolve);
    holder.once('close', () => {
      resolve(null);
    });
  });
  holder.stdin.on('error', () => undefined);
  const giveUp = (): void => {
    // The whole session: flock(1) waits for the lock in the group's leader, or for the shell it has started.
    if (holder.pid !== undefined) process.kill(-holder.pid);
  };
  signal?.addEventListener('abort', giveUp, { once: true });
  const first = await Promise.race([once(holder.stdout, 'data').then(() => 'held' as const), ended]);
  signal?.removeEventListener('abort', giveUp);
  signal?.throwIfAborted();
  if (first === 'held')
    return {
      release: async () => {
        holder.stdin.end();
        await ended;
      },
    };
  if (first === null && !wait) return null;
  const why =
    first?.code === 'ENOENT'
      ? 'flock is not installed'
      : `flock failed${first === null ? '' : `: ${first.message}`}`;
  throw new KernelError(
    69,
    `${file}: cannot be locked: ${why}`,
    'install util-linux; the cache folder must be writable',
  );
}

/** Run `work` while this process holds the lock `file`; other processes and other calls in this one wait for it. */
export async function withLock<T>(
  file: string,
  what: string,
  options: KernelOptions,
  work: () => Promise<T>,
): Promise<T> {
  const waiting = setTimeout(() => {
    report(options, 'wait', `waiting for another process: ${what}`);
  }, 1000);
  const held = await acquire(file, true, options.signal).finally(() => {
    clearTimeout(waiting);
  });
  try {
    return await work();
  } finally {
    await held?.release();
  }
}

/** Take the lock; null when somebody else holds it. */
export const tryLock = (file: string): Promise<Held | null> => acquire(file, false);

/** Run `work` under the lock if nobody holds it; else do nothing. */
export async function ifUnlocked(file: string, work: () => Promise<void>): Promise<void> {
  const held = await tryLock(file);
  if (held === null) return;
  try {
    await work();
  } finally {
    await held.release();
  }
}
