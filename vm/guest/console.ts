/** The console of a guest: kept in a file as it comes, and read for how the guest ended. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MachineError } from '../machine.ts';
import { BOOT_FAILED, COMMAND_ENDED } from './init.ts';
import { decodeTrace, findSymbols } from './symbols.ts';

/** How much of the end is held in memory, in characters. A boot says 5,000, a panic with its trace 6,000. */
const HELD = 1024 * 1024;

/** First line of each way in which a kernel says that it is broken beyond going on. */
const FATAL =
  /(?:Kernel panic - not syncing.*|Oops: .*|BUG: (?:unable to handle|kernel NULL|soft lockup).*|general protection fault.*|kernel BUG at .*|watchdog: BUG: .*|double fault: .*)/;

export class Console {
  readonly path: string;
  readonly #file: number;
  #text = '';
  /** Why the file is not complete, e.g. a full disk; the run goes on without it. */
  #lost = '';

  /** @param folder is made where it is missing; the log in it is `console.log`. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.path = join(folder, 'console.log');
    this.#file = openSync(this.path, 'a');
  }

  append(chunk: Buffer): void {
    this.#text = (this.#text + chunk.toString('utf8')).slice(-HELD);
    try {
      if (this.#lost === '') writeSync(this.#file, chunk);
    } catch (error) {
      this.#lost = `(incomplete: ${(error as Error).message})`;
    }
  }

  /** No more will come. */
  close(): void {
    closeSync(this.#file);
  }

  /** What was said, at most the last MiB of it. */
  text(): string {
    return this.#text;
  }

  /** The line that says that the kernel crashed; null when there is none. */
  crash(): string | null {
    return FATAL.exec(this.#text)?.[0].trim() ?? null;
  }

  /** Exit status of the command, null when it did not get that far. */
  status(): number | null {
    const match = new RegExp(`${COMMAND_ENDED} (\\d+)`).exec(this.#text);
    return match ? Number(match[1]) : null;
  }

  /** Why init gave up; null when it did not. */
  bootFailure(): string | null {
    return new RegExp(`${BOOT_FAILED}: (.*)`).exec(this.#text)?.[1]?.trim() ?? null;
  }

  /** Keeps the console of a crash once more, with file and line behind each function of its traces. */
  async decode(kernel: { image: string; release: string }): Promise<void> {
    const symbols = this.crash() === null ? null : findSymbols(kernel);
    const decoded = symbols === null ? null : await decodeTrace(this.#text, symbols).catch(() => null);
    if (decoded !== null) writeFileSync(join(dirname(this.path), 'console.decoded.log'), decoded);
  }

  /** The last lines, for a message. */
  lastLines(count: number): string {
    return this.#text.trim().split(/\r?\n/).slice(-count).join('\n');
  }

  /** The error that a guest's end amounts to; null for a command that ended with status 0. */
  verdict(target: string, heard: boolean): MachineError | null {
    const kept = `The console is in ${this.path} ${this.#lost}`.trim();
    const crash = this.crash();
    if (crash !== null) return new MachineError('crash', `the kernel of ${target} crashed: ${crash}`, kept);
    const failure = this.bootFailure();
    if (failure !== null) return new MachineError('unavailable', `${target} cannot boot: ${failure}`, kept);
    const status = this.status();
    if (status === 0) return null;
    const how =
      status === null
        ? `the guest of ${target} ended ${heard ? 'before its agent did' : 'before its agent said anything'}`
        : `the agent in the guest of ${target} ended with status ${status}`;
    return new MachineError('lost', `${how}; the last that was seen:\n${this.lastLines(8)}`, kept);
  }
}
