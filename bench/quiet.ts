/** Whether anything else keeps this machine busy, which would be measured too. */
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Share of the CPUs' time that may go to others. */
const QUIET = 0.15;
/** Length of one look, in ms. */
const LOOK_MS = 2000;

const spent = (): { busy: number; all: number } => {
  const times = cpus().map((cpu) => cpu.times);
  const sum = (pick: (time: (typeof times)[number]) => number): number =>
    times.reduce((total, time) => total + pick(time), 0);
  const busy = sum(({ user, nice, sys, irq }) => user + nice + sys + irq);
  return { busy, all: busy + sum(({ idle }) => idle) };
};

/** Waits until the machine is quiet, for at most `seconds`, and tells how it then is. */
export async function awaitQuiet(seconds: number): Promise<string> {
  const until = performance.now() + seconds * 1000;
  for (;;) {
    const before = spent();
    await sleep(LOOK_MS);
    const after = spent();
    const share = (after.busy - before.busy) / Math.max(1, after.all - before.all);
    if (share <= QUIET || performance.now() > until) {
      const load = loadavg().map((value) => value.toFixed(1));
      const others = `others use ${Math.round(share * 100)} % of ${cpus().length} CPUs, load ${load.join(' ')}`;
      return share <= QUIET ? others : `${others}: NOT QUIET, figures are worth little`;
    }
  }
}
