/** The journal: one JSON line per event, synced, so that a run that is cut off tells how far it came. */
import { closeSync, fdatasync, fsyncSync, ftruncateSync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import type { RunEvent } from '../contract/result.ts';
import { shownPath } from './folder.ts';
import { START, seal, type Kept } from './journal-line.ts';
import { writeText } from './lines.ts';
import { writeError } from './run-error.ts';
import { dirname } from 'node:path';

const sync = promisify(fdatasync);

export class Journal {
  readonly #path: string;
  readonly #fd: number;
  #crc: number;
  #syncing: Promise<void> | null = null;
  #dirty = false;

  private constructor(path: string, fd: number, crc: number) {
    this.#path = path;
    this.#fd = fd;
    this.#crc = crc;
  }

  /** A new journal; there must be none yet. */
  static create(path: string): Journal {
    return new Journal(path, openSync(path, 'ax', 0o644), START);
  }

  /** Goes on with a journal that was read before; a line that was cut off is removed. */
  static resume(path: string, kept: Kept): Journal {
    const fd = openSync(path, 'a', 0o644);
    ftruncateSync(fd, kept.bytes);
    return new Journal(path, fd, kept.crc);
  }

  /** Appends at once; the disk follows by {@link flushed} or soon after. */
  append(event: RunEvent): void {
    const { line, crc } = seal(JSON.stringify(event), this.#crc);
    try {
      writeText(this.#fd, line);
    } catch (error) {
      throw this.#explain(error);
    }
    this.#crc = crc;
    this.#dirty = true;
  }

  /** Resolves when all that was appended is on the disk; callers meanwhile share one sync. */
  async flushed(): Promise<void> {
    while (this.#dirty || this.#syncing) {
      if (this.#syncing) await this.#syncing;
      else {
        this.#dirty = false;
        this.#syncing = sync(this.#fd)
          .catch((error: unknown) => {
            throw this.#explain(error);
          })
          .finally(() => {
            this.#syncing = null;
          });
      }
    }
  }

  /** Closes the file; a disk that refuses to sync it now has told so before. */
  close(): void {
    try {
      fsyncSync(this.#fd);
    } finally {
      closeSync(this.#fd);
    }
  }

  #explain(error: unknown): Error {
    return writeError(shownPath(this.#path), shownPath(dirname(this.#path)), error) as Error;
  }
}
