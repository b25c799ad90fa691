/** Joins this terminal with one in a guest. */
import type { Duplex, Readable, Writable } from 'node:stream';

const CTRL_A = 0x01;
const CTRL_D = '\u0004';

/** A stream that may be a terminal. */
interface Input extends Readable {
  setRawMode?: (raw: boolean) => unknown;
}

/**
 * Carries what is typed to the guest and what it says back, unchanged but for Ctrl-A X, which calls `kill`; Ctrl-A Ctrl-A is one
 * Ctrl-A. The end of an input that is no terminal becomes Ctrl-D.
 * @returns undoes it all
 */
export function relay(terminal: Duplex, input: Input, output: Writable, kill: () => void): () => void {
  let escaped = false;
  const onInput = (data: Buffer): void => {
    const passed: number[] = [];
    for (const byte of data) {
      if (!escaped && byte === CTRL_A) {
        escaped = true;
        continue;
      }
      if (escaped && (byte === 0x78 || byte === 0x58)) kill();
      else passed.push(byte);
      escaped = false;
    }
    terminal.write(Buffer.from(passed));
  };
  const onEnd = (): void => void terminal.write(CTRL_D);
  // What the guest still said while this end was not there yet comes first; its end is no error of ours.
  terminal.on('error', () => undefined);
  terminal.on('data', (data: Buffer) => void output.write(data));
  input.setRawMode?.(true);
  input.on('data', onInput).on('end', onEnd);
  input.resume();
  return () => {
    input.setRawMode?.(false);
    input.off('data', onInput).off('end', onEnd);
    input.pause();
  };
}
