/** Waiting for what the kernel does from a work queue, where no event tells that it is done. */
import { now } from './now.ts';

const PATIENCE_MS = 5000;
const PAUSE_MS = 1;

const pause = new Int32Array(new SharedArrayBuffer(4));

/** Waits until `lacking` names nothing any more; it says what the kernel has not done yet. @throws Error saying so */
export function waitUntilDone(lacking: () => string | null): void {
  const deadline = now() + PATIENCE_MS;
  for (let lack = lacking(); lack !== null; lack = lacking()) {
    if (now() > deadline) throw new Error(`${lack} within ${PATIENCE_MS} ms`);
    Atomics.wait(pause, 0, 0, PAUSE_MS);
  }
}
