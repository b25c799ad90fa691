import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { report, type KernelOptions } from './types.ts';

/**
 * Run `work` while this process holds the lock `file`; other processes and other calls in this one wait.
 *
 * The lock is an flock(2) held by a child whose standard input is our pipe: when this process ends, however it ends, the
 * kernel closes the pipe, the child ends and the lock is free. So there is no stale lock file to judge by its age or pid.
 * The child has its own session, so that Ctrl-C on the terminal does not release the lock before the work is undone.
 */
export async function withLock<T>(
  file: string,
  what: string,
  options: KernelOptions,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  const holder = spawn('flock', ['--exclusive', file, 'sh', '-c', 'echo held; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  const gone = new Promise<void>((resolve) =>
    holder.once('close', () => {
      resolve();
    }),
  );
  holder.stdin.on('error', () => undefined);
  const waiting = setTimeout(() => {
    report(options, 'wait', `waiting for another process: ${what}`);
  }, 1000);
  try {
    await once(holder.stdout, 'data', options.signal === undefined ? {} : { signal: options.signal });
  } catch (cause) {
    holder.kill();
    options.signal?.throwIfAborted();
    throw cause;
  } finally {
    clearTimeout(waiting);
  }
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await gone;
  }
}
