/** Which processes a run has made, and which of them are left. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const own = (name: string): boolean => /^\d+$/.test(name) && name !== String(process.pid);

/** A fact of every process that lets itself be read. */
export function ofProcesses<T>(fact: (pid: string) => T): T[] {
  return readdirSync('/proc')
    .filter(own)
    .flatMap((pid) => {
      try {
        return [fact(pid)];
      } catch {
        return []; // it ended meanwhile
      }
    });
}

/** Command lines of the processes that inherited this mark in their environment. */
export function marked(mark: string): string[] {
  return ofProcesses(
    (pid) =>
      [readFileSync(`/proc/${pid}/environ`, 'utf8'), readFileSync(`/proc/${pid}/cmdline`, 'utf8')] as const,
  )
    .filter(([environ]) => environ.includes(mark))
    .map(([, command]) => command.replaceAll('\0', ' '));
}

/**
 * Every process in a PID namespace of the marked ones, marked or not, as `pid start-time`: proc(5) field 22 tells it from
 * a later one of the same number. A namespace lives as long as its processes do.
 */
export function tree(mark: string): string[] {
  const outside = readlinkSync('/proc/self/ns/pid');
  const pidNamespace = (pid: string): string => readlinkSync(`/proc/${pid}/ns/pid`);
  const inside = new Set(
    ofProcesses((pid) =>
      readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark) ? pidNamespace(pid) : outside,
    ),
  );
  inside.delete(outside);
  return ofProcesses((pid) => (inside.has(pidNamespace(pid)) ? [identity(pid)] : [])).flat();
}

export function identity(pid: string): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
}

/**
 * The identity of every process that has not ended. One that has, a zombie, has given up all it held: where process 1 is no
 * real init, as in many containers, nobody collects the orphans' statuses, and they stay.
 */
export const alive = (): string[] =>
  ofProcesses((pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z') ? [] : [identity(pid)];
  }).flat();

/** What is still there after at most 10 s; asked again and again, so that an end in time is seen in time. */
export async function afterTenSeconds(remaining: () => string[]): Promise<string[]> {
  for (let i = 0; i < 100 && remaining().length > 0; i++) await sleep(100);
  return remaining();
}

/** Pids of the virtual machines that inherited this mark. */
export function guests(mark: string): number[] {
  return ofProcesses((pid) => {
    const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const own = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark);
    return own && program.includes('qemu-system') ? Number(pid) : 0;
  }).filter((pid) => pid !== 0);
}
