/** Waiting for what the kernel does from a work queue, where no event tells that it is done. */
import { now } from './now.ts';

const PATIENCE_MS = 5000;
/** Between two looks: doubled each time, for a look takes an emulated guest a millisecond that others could have used. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 16;

const pause = new Int32Array(new SharedArrayBuffer(4));

/** Waits until `lacking` names nothing any more; it says what the kernel has not done yet. @throws Error saying so */
export function waitUntilDone(lacking: () => string | null): void {
  const deadline = now() + PATIENCE_MS;
  let pauseMs = FIRST_PAUSE_MS;
  for (let lack = lacking(); lack !== null; lack = lacking()) {
    if (now() > deadline) throw new Error(`${lack} within ${PATIENCE_MS} ms`);
    Atomics.wait(pause, 0, 0, pauseMs);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}
