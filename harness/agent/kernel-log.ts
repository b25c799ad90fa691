/** The kernel's log and taint around each case. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { CaseEvidence } from '../contract/evidence.ts';
import { POLL } from './sys.ts';
import type { SystemCalls } from './sys.ts';

/** One record per read; the kernel's limit is 1 KiB of text and its dictionary. */
const RECORD_BYTES = 8192;
/** Beyond this many lines of one case something is flooding the log: the rest is left for later. */
const MAX_LINES = 2000;

const taintFile = openSync('/proc/sys/kernel/tainted', 'r');
const taintText = Buffer.alloc(32);

/** /proc/sys/kernel/tainted: bit mask, Documentation/admin-guide/tainted-kernels.rst. */
function readTaint(): number {
  return Number(taintText.toString('latin1', 0, readSync(taintFile, taintText, 0, taintText.length, 0)));
}

export class KernelLog {
  readonly #sys: SystemCalls;
  readonly #fd: number | undefined;
  #taint = readTaint();
  readonly #buffer = Buffer.alloc(RECORD_BYTES);

  constructor(sys: SystemCalls, path = '/dev/kmsg') {
    this.#sys = sys;
    try {
      this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      this.#read();
    } catch {
      // Not ours to read (dmesg_restrict, a user namespace): evidence says null.
      this.#fd = undefined;
    }
  }

  get readable(): boolean {
    return this.#fd !== undefined;
  }

  /**
   * What the kernel has said since the last call, for the evidence of the case in between. A late line of the case before
   * counts for this one: better in the wrong place than nowhere.
   */
  sinceLast(): CaseEvidence['kernel'] {
    const log = this.#fresh();
    const before = this.#taint;
    // Nothing taints the kernel without a line in the log.
    if (log === null || log.length > 0) this.#taint = readTaint();
    return { log, taint: { before, after: this.#taint } };
  }

  /** Lines `<level>text`; null when this caller may not read the log. */
  #fresh(): string[] | null {
    if (this.#fd === undefined) return null;
    // Asked first: an exception for each EAGAIN would be the dearest part of a short case.
    return this.#sys.poll(this.#fd, POLL.IN, 0) === 0 ? [] : this.#read();
  }

  /** `level,sequence,microseconds,…;text` and continuation lines that begin with a blank. */
  #read(): string[] {
    const lines: string[] = [];
    while (lines.length < MAX_LINES) {
      const got = this.#record();
      if (got === 0) break;
      if (got < 0) {
        lines.push('<4>segproof: the kernel log overran, lines are missing');
        continue;
      }
      const record = this.#buffer.toString('utf8', 0, got);
      const semicolon = record.indexOf(';');
      const priority = Number.parseInt(record, 10);
      const [text = ''] = record.slice(semicolon + 1).split('\n');
      lines.push(`<${priority & 7}>${text}`);
    }
    return lines;
  }

  /** Length of the next record, 0 when there is none, -1 when some were overwritten before they were read (EPIPE). */
  #record(): number {
    try {
      return readSync(this.#fd ?? -1, this.#buffer);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return 0;
      if (code === 'EPIPE') return -1;
      throw error;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}
