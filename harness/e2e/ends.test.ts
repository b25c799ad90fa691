import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { afterTenSeconds, alive, marked, tree } from './processes.ts';
import { journal, program, scratch } from './segproof.ts';
import { noGuests } from '../../vm/fixtures/no-guests.ts';

const options = { skip: await noGuests() };

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

for (const [when, ready] of [
  ['while the guest boots', (text: string) => text.includes('"booting"')],
  ['in the middle of the cases', (text: string) => text.includes('"case-end"')],
] as const) {
  t.test(`SIGKILL ${when} leaves no process and no namespace after 10 s`, options, async (t) => {
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
    t.same(await afterTenSeconds(() => alive().filter((process) => made.includes(process))), []);
  });
}

t.test(
  'Ctrl-C in the middle of the cases tears down, writes what there is, and exits 130',
  options,
  async (t) => {
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
  },
);
