/** A guest may have slept since it was booted: its clock stands where it fell asleep, and so does its random generator. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Greeting } from '../contract/protocol.ts';
import { CLOCK } from './sys.ts';
import type { SystemCalls } from './sys.ts';

/** include/uapi/linux/random.h: the generator takes what was written to it at once, and not within the next minute. */
const RNDRESEEDCRNG = 0x5207;
/** Differences below this are a clock's own business. */
const TOLERATED_NS = 2_000_000_000n;

/** Sets the clock of the machine, which must be the agent's own, and stirs its random generator. */
export function awake({ now, entropy }: Greeting, sys: SystemCalls): void {
  const right = BigInt(Math.round(now)) * 1_000_000n;
  const off = right - sys.clock(CLOCK.realtime);
  if (off > TOLERATED_NS || off < -TOLERATED_NS) sys.setRealtime(right);
  const random = openSync('/dev/urandom', 'r+');
  try {
    writeSync(random, Buffer.from(entropy, 'base64'));
    sys.ioctlValue(random, RNDRESEEDCRNG, 0);
  } finally {
    closeSync(random);
  }
}
