import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { noGuests } from '../../vm/fixtures/no-guests.ts';
import { afterTenSeconds, marked } from './processes.ts';
import { program, scratch, segproof, told } from './segproof.ts';

const run = ['--kernel', '6.1', 'udp-gso/limits', 'udp-gso/v4-mapped'];

t.test(
  'killed again and again while guests boot and run, a run has the results of one that was not',
  { skip: await noGuests() },
  async (t) => {
    const { folder, remove } = scratch();
    t.teardown(remove);
    const [whole, cut] = [join(folder, 'whole'), join(folder, 'cut')];
    const before = { mounts: readFileSync('/proc/self/mounts', 'utf8'), shm: readdirSync('/dev/shm') };
    const begun = performance.now();
    t.equal((await segproof('run', ...run, '-o', whole, '--format', 'tap')).exit, 0);
    const took = performance.now() - begun;
    const mark = randomUUID();
    const options = (): string[] =>
      existsSync(join(cut, 'plan.json')) ? ['--resume', cut] : ['-o', cut, ...run];
    for (let kill = 0; kill < 4; kill++)
      await execa(program, ['run', ...options(), '--format', 'tap'], {
        reject: false,
        stdio: 'ignore',
        env: { SEGPROOF_TEST_MARK: mark },
        timeout: (0.1 + Math.random()) * took,
        killSignal: 'SIGKILL',
      });
    t.same(await afterTenSeconds(() => marked(mark)), [], 'no process is left behind');
    const last = await segproof('run', ...options(), '--format', 'tap');
    t.equal(last.exit, 0, last.stderr);
    t.same(told(cut), told(whole));
    t.same(
      { mounts: readFileSync('/proc/self/mounts', 'utf8'), shm: readdirSync('/dev/shm') },
      before,
      'no mount and no file is left behind',
    );
  },
);
