import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { root } from '../cli/version.ts';
import { noGuests } from '../../vm/fixtures/no-guests.ts';
import { afterTenSeconds, guests, marked } from './processes.ts';
import { attempts, journal, program, scratch } from './segproof.ts';

const options = { skip: await noGuests() };

const faults = [
  ...['--kernel', '6.1', '--suite', join(root, 'harness/e2e/faults.yaml')],
  ...['--endpoint', join(root, 'dist/harness/e2e/fault-endpoint.js'), '--format', 'tap'],
];

/** How often a state was reached, by the journal so far. */
function reached(dir: string, state: string): number {
  const path = join(dir, 'journal.jsonl');
  if (!existsSync(path)) return 0;
  return readFileSync(path, 'utf8').split(`"state":"${state}"`).length - 1;
}

/** Runs segproof; when its n-th guest has come up, `strike` gets the guest's pid. */
async function run(
  dir: string,
  args: readonly string[],
  nth: number,
  strike: (pid: number) => void,
): Promise<{ exit: number | null; left: string[] }> {
  const mark = randomUUID();
  const child = spawn(program, ['run', ...faults, ...args, '-o', dir], {
    stdio: 'ignore',
    env: { ...process.env, SEGPROOF_TEST_MARK: mark },
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  while (child.exitCode === null && reached(dir, 'surveying') < nth) await sleep(20);
  const [pid] = guests(mark);
  if (pid !== undefined) strike(pid);
  return { exit: await ended, left: await afterTenSeconds(() => marked(mark)) };
}

t.test(
  'guests that panic and a guest that is killed: the other cases are complete, nothing is left',
  options,
  async (t) => {
    const { folder, remove } = scratch();
    t.teardown(remove);
    const dir = join(folder, 'r');
    const selection = ['faults/before', 'faults/panic', 'faults/after'];
    const { exit, left } = await run(dir, selection, 3, (pid) => process.kill(pid, 'SIGKILL'));
    t.equal(exit, 1);
    t.same(left, []);
    const all = attempts(dir);
    const panics = all.get('faults/panic') ?? [];
    t.same(
      panics.map(({ outcome }) => outcome),
      ['crash', 'crash'],
    );
    for (const { fingerprint, evidence } of panics) {
      t.equal(
        fingerprint,
        'panic sysrq_handle_crash __handle_sysrq write_sysrq_trigger proc_reg_write vfs_write',
      );
      t.match(readFileSync(join(dir, evidence, 'console.log'), 'utf8'), /Kernel panic - not syncing: sysrq/);
    }
    all.delete('faults/panic');
    t.equal(all.size, 8);
    for (const [id, own] of all) t.equal(own.at(-1)?.outcome, 'pass', id);
    const lost = journal(dir).filter((event) => event.type === 'machine' && event.state === 'lost');
    t.equal(
      lost.length,
      3,
      `two panics and one kill: ${lost.map((event) => ('detail' in event ? event.detail : '')).join('; ')}`,
    );
    t.match(lost[2], { detail: /the guest of 6\.1 ended before its agent did/ });
  },
);

t.test(
  'virtual CPUs that are stopped make a timeout, in the time that silence is given',
  options,
  async (t) => {
    const { folder, remove } = scratch();
    t.teardown(remove);
    const dir = join(folder, 'r');
    const args = ['--silence', '3s', '--until-fail', 'faults/before', 'faults/after'];
    const { exit, left } = await run(dir, args, 1, (pid) => process.kill(pid, 'SIGSTOP'));
    t.same(left, []);
    t.equal(exit, 1);
    const results = [...attempts(dir).values()].flat();
    t.match(results.at(-1), {
      outcome: 'timeout',
      reason: /the machine hangs: no word from the agent for 3 s/,
    });
  },
);

t.test('a guest that runs out of memory says so', options, async (t) => {
  const { folder, remove } = scratch();
  t.teardown(remove);
  const dir = join(folder, 'r');
  const { exit, left } = await run(
    dir,
    ['--until-fail', 'faults/before', 'faults/out-of-memory'],
    9,
    () => undefined,
  );
  t.same(left, []);
  t.equal(exit, 1);
  t.match(attempts(dir).get('faults/out-of-memory'), [
    { outcome: 'error', reason: /the guest ran out of memory: Out of memory: Killed process \d+ \(node\)/ },
  ]);
});
