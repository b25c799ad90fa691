/**
 * Guests that were frozen when they had just booted: their memory, kept so that the next one need not boot. Only guests that TCG
 * emulates, whose boot takes 8 s; and only those with a root of their own, since QEMU cannot freeze what has the host's mounted
 * by 9p.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { MEMORY as MEMORY_SOCKET, shellLine } from './command.ts';
import type { Qmp } from './qmp.ts';

const MEMORY = 'memory';
const CONSOLE = 'console.log';
const ABOUT = 'about.json';

/** Room that freezing leaves on the disk, in bytes. */
const SPARE_BYTES = 2 * 1024 ** 3;
/** QEMU's default is for a network; in bytes per second. */
const BANDWIDTH = 2 ** 40;
const POLL_MS = 20;

interface About {
  readonly sha256: string;
  /** When it was frozen, ISO 8601. */
  readonly frozen: string;
}

/** A guest on the disk. */
export interface Frozen {
  /** What QEMU is told to go on from. */
  readonly arguments: readonly string[];
  /** What was on its console until it was frozen. */
  readonly console: string;
  readonly frozen: string;
  /** Whether it is what was written. */
  intact(): Promise<boolean>;
  discard(): void;
}

/**
 * Where the guest that these words start is kept, below the folder of what it boots from. By the host's CPU too: the time stamp counter
 * that QEMU emulates runs as fast as the host's own (cpu_get_ticks(), softmmu/cpu-timers.c), and the guest has measured it at its boot.
 */
export const frozenFolder = (store: string, words: readonly string[], qemu: string): string => {
  const { size, mtimeMs } = statSync(qemu);
  const key = createHash('sha256').update(JSON.stringify([words, size, mtimeMs, cpus()[0]?.model]));
  return join(store, `frozen-${key.digest('hex').slice(0, 16)}`);
};

/** The guest that is kept in this folder; null when there is none. */
export const findFrozen = (folder: string): Frozen | null => {
  const memory = join(folder, MEMORY);
  try {
    const about = JSON.parse(readFileSync(join(folder, ABOUT), 'utf8')) as About;
    const now = new Date();
    utimesSync(folder, now, now);
    return {
      arguments: ['-incoming', `exec:${shellLine(['cat', memory])}`],
      console: readFileSync(join(folder, CONSOLE), 'utf8'),
      frozen: about.frozen,
      intact: async () => (await hashOf(memory)) === about.sha256,
      discard: () => {
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch {
    return null;
  }
};

const hashOf = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash).catch(() => undefined);
  return hash.digest('hex');
};

/** Whether there is a place for a guest of this many MiB, and room on its disk. */
export const mayFreeze = (folder: string | null, memory: number): boolean => {
  if (folder === null) return false;
  const { bavail, bsize } = statfsSync(dirname(folder));
  return bavail * bsize > memory * 1024 * 1024 + SPARE_BYTES;
};

/** What is frozen, and where to. */
export interface Freezing {
  readonly folder: string;
  /** What QEMU writes to {@link MEMORY_SOCKET}. */
  readonly stream: Promise<Readable>;
  readonly console: string;
  /** Called when the guest goes on. */
  readonly onwards: () => void;
}

/**
 * Writes a guest to the disk and lets it go on. Whole or not at all, also when two runs do it at once; that it could not be done costs
 * nothing but the time that the next guest needs to boot.
 */
export const freeze = async (qmp: Qmp, { folder, stream, console, onwards }: Freezing): Promise<void> => {
  const fresh = `${folder}.${process.pid}.${randomUUID()}`;
  const written = stream.then((socket) => keep(socket, join(fresh, MEMORY)));
  written.catch(() => undefined);
  try {
    try {
      mkdirSync(fresh);
      await qmp.command('migrate-set-parameters', { 'max-bandwidth': BANDWIDTH });
      // Not stopped before: one that was would wait to be told to go on, in every copy.
      await qmp.command('migrate', { uri: `unix:${MEMORY_SOCKET}` });
      await migrated(qmp);
    } finally {
      await qmp.command('cont').finally(onwards);
    }
    writeFileSync(join(fresh, CONSOLE), console);
    const about: About = { sha256: await written, frozen: new Date().toISOString() };
    writeFileSync(join(fresh, ABOUT), `${JSON.stringify(about)}\n`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
    tidy(dirname(folder));
  } catch {
    await rm(fresh, { recursive: true, force: true }).catch(() => undefined);
  }
};

/** Resolves with the hash of all that came, when it is on the disk. */
const keep = async (stream: Readable, path: string): Promise<string> => {
  const hash = createHash('sha256');
  stream.on('data', (chunk: Buffer) => hash.update(chunk));
  await pipeline(stream, createWriteStream(path));
  return hash.digest('hex');
};

/** @throws Error in QEMU's words */
const migrated = async (qmp: Qmp): Promise<void> => {
  for (;;) {
    const now = (await qmp.command('query-migrate')) as {
      readonly status?: string;
      readonly 'error-desc'?: string;
    };
    if (now.status === 'completed') return;
    if (now.status === 'failed' || now.status === 'cancelled')
      throw new Error(now['error-desc'] ?? now.status);
    await setTimeout(POLL_MS);
  }
};

/** Guests frozen from the same files that are kept: with other kernel arguments, CPUs or memory. */
const KEPT = 3;

/** Removes guests that nobody has used for longest, and what a run was writing when it was killed. */
export const tidy = (store: string): void => {
  const frozen = readdirSync(store).filter((name) => name.startsWith('frozen-'));
  const whole = frozen
    .filter((name) => !name.includes('.'))
    .map((name) => ({ name, used: statSync(join(store, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.used - a.used);
  const left = frozen.filter((name) => name.includes('.') && !isAlive(Number(name.split('.')[1])));
  for (const name of [...whole.slice(KEPT).map((one) => one.name), ...left])
    rmSync(join(store, name), { recursive: true, force: true });
};

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);
