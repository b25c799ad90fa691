/** When datagrams arrived, and how exact that is on this machine. */
import type { ReceivedControl } from '../contract/evidence.ts';
import { now } from './now.ts';

const NS_PER_MS = 1_000_000n;
/** Nobody promises less: an emulated guest stands still whenever its host has something else to do. */
const LEAST_MS = 250;
/** The machine may be slower at other times than while it is measured. */
const MARGIN = 20;
const SLEEPS = 3;
const SLEEP_MS = 2;

const pause = new Int32Array(new SharedArrayBuffer(4));
let measured: number | undefined;

/** SCM_TIMESTAMPNS (struct timespec, CLOCK_REALTIME) as ms since `origin`; undefined without either. */
export function arrival(control: readonly ReceivedControl[], origin: bigint | null): number | undefined {
  const told = control.find(({ level, type }) => level === 'SOL_SOCKET' && type === 'SO_TIMESTAMPNS');
  if (!told || origin === null || told.length < 16) return undefined;
  const bytes = Buffer.from(told.hex, 'hex');
  const at = bytes.readBigInt64LE(0) * 1_000_000_000n + bytes.readBigInt64LE(8);
  return Number((at - origin) / (NS_PER_MS / 1000n)) / 1000;
}

/** How late the machine wakes who sleeps, with a margin, in ms. Measured once. */
export function slack(): number {
  if (measured !== undefined) return measured;
  let latest = 0;
  for (let n = 0; n < SLEEPS; n++) {
    const begun = now();
    Atomics.wait(pause, 0, 0, SLEEP_MS);
    latest = Math.max(latest, now() - begun - SLEEP_MS);
  }
  return (measured = Math.ceil(Math.max(LEAST_MS, MARGIN * latest)));
}
