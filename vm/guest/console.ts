/** The console of a guest: kept in a file as it comes, and read for how the guest ended. */
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MachineError } from '../machine.ts';
import { BOOT_FAILED, COMMAND_ENDED } from './init.ts';

/** How much of the end is looked at, in characters: a panic with its trace and register dump is some 6,000. */
const TAIL = 64 * 1024;

/** First line of each way in which a kernel says that it is broken beyond going on. */
const FATAL =
  /(?:Kernel panic - not syncing.*|Oops: .*|BUG: (?:unable to handle|kernel NULL|soft lockup).*|general protection fault.*|kernel BUG at .*|watchdog: BUG: .*|double fault: .*)/;

export class Console {
  readonly path: string;
  #tail = '';

  /** @param folder is made where it is missing; the log in it is `console.log`. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.path = join(folder, 'console.log');
    appendFileSync(this.path, '');
  }

  append(chunk: Buffer): void {
    appendFileSync(this.path, chunk);
    this.#tail = (this.#tail + chunk.toString('latin1')).slice(-TAIL);
  }

  text(): string {
    return readFileSync(this.path, 'utf8');
  }

  /** The line that says that the kernel crashed; null when there is none. */
  crash(): string | null {
    return FATAL.exec(this.#tail)?.[0].trim() ?? null;
  }

  /** Exit status of the command, null when it did not get that far. */
  status(): number | null {
    const match = new RegExp(`${COMMAND_ENDED} (\\d+)`).exec(this.#tail);
    return match ? Number(match[1]) : null;
  }

  /** Why init gave up; null when it did not. */
  bootFailure(): string | null {
    return new RegExp(`${BOOT_FAILED}: (.*)`).exec(this.#tail)?.[1]?.trim() ?? null;
  }

  /** The last lines, for a message. */
  lastLines(count: number): string {
    return this.#tail.trim().split(/\r?\n/).slice(-count).join('\n');
  }

  /** The error that a guest's end amounts to; null for a command that ended with status 0. */
  verdict(target: string, heard: boolean): MachineError | null {
    const kept = `The console is in ${this.path}`;
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
