import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { root } from '../cli/version.ts';
import { program, scratch, segproof } from './segproof.ts';

/** A run whose agent never answers, once it has begun. */
async function standingRun(dir: string): Promise<ReturnType<typeof spawn>> {
  const child = spawn(
    program,
    [
      ...['run', '--suite', join(root, 'harness/e2e/faults.yaml'), 'faults/silent', '-o', dir],
      ...[
        '--endpoint',
        join(root, 'dist/harness/e2e/fault-endpoint.js'),
        '--silence',
        '10m',
        '--format',
        'tap',
      ],
    ],
    { stdio: 'ignore' },
  );
  const journal = join(dir, 'journal.jsonl');
  while (!existsSync(journal) || !readFileSync(journal, 'utf8').includes('case-start')) {
    if (child.exitCode !== null) throw new Error(`segproof ended early with ${child.exitCode}`);
    await sleep(20);
  }
  return child;
}

t.test(
  'a folder that a run writes into is refused by its pid, and free as soon as that was killed',
  async (t) => {
    const { folder, remove } = scratch();
    t.teardown(remove);
    const dir = join(folder, 'r');
    const child = await standingRun(dir);
    const before = readFileSync(join(dir, 'journal.jsonl'), 'utf8');
    const second = await segproof('run', '--resume', dir);
    t.equal(second.exit, 64);
    t.match(second.stderr, new RegExp(`is in use: process ${child.pid} is writing into it`));
    t.match(await segproof('run', '-o', dir, 'udp-gso/v4-mapped'), { exit: 64, stderr: /already holds/ });
    t.equal(readFileSync(join(dir, 'journal.jsonl'), 'utf8'), before, 'nothing was written into it');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const resumed = await segproof('run', '--resume', dir, '--silence', '1s', '--format', 'tap');
    t.equal(resumed.exit, 1, 'the silent case alone');
    t.notMatch(resumed.stderr, /in use/);
  },
);

t.test('of runs that begin at once each has a folder of its own', async (t) => {
  const { folder, remove } = scratch();
  t.teardown(remove);
  const dir = join(folder, 'r');
  const ends = await Promise.all(
    [1, 2, 3].map(() => segproof('run', '-o', dir, 'udp-gso/v4-mapped', '--format', 'tap')),
  );
  t.same(ends.map(({ exit }) => exit).sort(), [0, 64, 64]);
});
