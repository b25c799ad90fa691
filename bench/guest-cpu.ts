/** CPU time that a guest has used, which says more than the clock when others keep the machine busy. */
import { readFileSync } from 'node:fs';

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS = 100;

const childrenOf = (pid: number): number[] => {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  } catch {
    return [];
  }
};

/** What each QEMU process had used when it was last looked at, in s, by pid and start time. */
const used = new Map<string, number>();

/** Takes note of what a process has used if it is a QEMU: utime and stime, fields 14 and 15 of its stat; field 22 is its start. */
const look = (pid: number): void => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    if (!stat.includes('(qemu-system')) return;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    used.set(`${pid} ${fields[19] ?? ''}`, (Number(fields[11]) + Number(fields[12])) / TICKS);
  } catch {
    // It has ended: what it had used by the last look stands.
  }
};

const lookBelow = (pid: number): void => {
  for (const child of childrenOf(pid)) {
    look(child);
    lookBelow(child);
  }
};

/**
 * Seconds of CPU time of all QEMU processes there have been below this process, all threads. It never goes back: one that ends
 * counts as at the last call before.
 */
export function guestCpu(pid: number = process.pid): number {
  lookBelow(pid);
  return [...used.values()].reduce((sum, seconds) => sum + seconds, 0);
}
