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

/** utime and stime of a QEMU process, fields 14 and 15 of its stat; 0 for any other process. */
const qemuSeconds = (pid: number): number => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    if (!stat.includes('(qemu-system')) return 0;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return 0;
  }
};

/** Seconds of CPU time of all QEMU processes below this process, all threads. */
export function guestCpu(pid: number = process.pid): number {
  return childrenOf(pid).reduce((sum, child) => sum + qemuSeconds(child) + guestCpu(child), 0);
}
