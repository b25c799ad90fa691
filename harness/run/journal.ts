/** The journal: one JSON line per event, synced, so that a run that is cut off tells how far it came. */
import { closeSync, fdatasync, fsyncSync, openSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { RunEvent } from '../contract/result.ts';

const sync = promisify(fdatasync);

export class Journal {
  readonly #fd: number;
  #syncing: Promise<void> | null = null;
  #dirty = false;

  constructor(path: string) {
    this.#fd = openSync(path, 'ax', 0o644);
  }

  /** Appends at once; the disk follows by {@link flushed} or soon after. */
  append(event: RunEvent): void {
    writeSync(this.#fd, `${JSON.stringify(event)}\n`);
    this.#dirty = true;
  }

  /** Resolves when all that was appended is on the disk; callers meanwhile share one sync. */
  async flushed(): Promise<void> {
    while (this.#dirty || this.#syncing) {
      if (this.#syncing) await this.#syncing;
      else {
        this.#dirty = false;
        this.#syncing = sync(this.#fd).finally(() => {
          this.#syncing = null;
        });
      }
    }
  }

  close(): void {
    fsyncSync(this.#fd);
    closeSync(this.#fd);
  }
}
