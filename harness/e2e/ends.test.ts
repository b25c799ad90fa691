import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { journal, program, scratch } from './segproof.ts';

const own = (name: string): boolean => /^\d+$/.test(name) && name !== String(process.pid);

/** A fact of every process that lets itself be read. */
function ofProcesses<T>(fact: (pid: string) => T): T[] {
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
function marked(mark: string): string[] {
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
function tree(mark: string): string[] {
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

function identity(pid: string): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
}

/** Starts a guest run and waits until `ready` holds of its journal. */
async function started(
  dir: string,
  mark: string,
  ready: (journalText: string) => boolean,
): Promise<ReturnType<typeof spawn>> {
  const child = spawn(program, ['run', '--kernel', '6.1', '-o', dir, '--format', 'tap'], {
    stdio: 'ignore',
    env: { ...process.env, SEGPROOF_TEST_MARK: mark },
  });
  const path = join(dir, 'journal.jsonl');
  while (!(existsSync(path) && ready(readFileSync(path, 'utf8')))) {
    if (child.exitCode !== null) throw new Error(`segproof ended early with ${child.exitCode}`);
    await sleep(100);
  }
  return child;
}

/** What is still there after at most 10 s; asked again and again, so that an end in time is seen in time. */
async function afterTenSeconds(remaining: () => string[]): Promise<string[]> {
  for (let i = 0; i < 100 && remaining().length > 0; i++) await sleep(100);
  return remaining();
}

for (const [when, ready] of [
  ['while the guest boots', (text: string) => text.includes('"booting"')],
  ['in the middle of the cases', (text: string) => text.includes('"case-end"')],
] as const) {
  t.test(`SIGKILL ${when} leaves no process and no namespace after 10 s`, async (t) => {
    const { folder, remove } = scratch();
    t.teardown(remove);
    const dir = join(folder, 'r');
    const mark = randomUUID();
    const child = await started(dir, mark, ready);
    while (tree(mark).length === 0) await sleep(50);
    const made = tree(mark);
    t.ok(marked(mark).length > 2, 'there is something to leave behind');
    child.kill('SIGKILL');
    t.same(await afterTenSeconds(() => marked(mark)), []);
    t.same(
      await afterTenSeconds(() => ofProcesses(identity).filter((process) => made.includes(process))),
      [],
    );
  });
}

t.test('Ctrl-C in the middle of the cases tears down, writes what there is, and exits 130', async (t) => {
  const { folder, remove } = scratch();
  t.teardown(remove);
  const dir = join(folder, 'r');
  const mark = randomUUID();
  const child = await started(dir, mark, (text) => text.includes('"case-end"'));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  t.equal(await ended, 130);
  t.same(await afterTenSeconds(() => marked(mark)), []);
  const events = journal(dir);
  t.match(events.at(-1), { type: 'run-end', interrupted: true });
  t.ok(existsSync(join(dir, 'results.json')), 'results.json holds what there is');
});
