import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { root } from '../cli/version.ts';
import { afterTenSeconds, marked } from './processes.ts';
import { attempts, program, scratch, segproof, told } from './segproof.ts';

const suite = join(root, 'harness/e2e/faults.yaml');
const endpoint = join(root, 'dist/harness/e2e/fault-endpoint.js');

t.test('an agent that dies, is cut off or falls silent costs its case, and no other', async (t) => {
  const { folder, remove } = scratch();
  t.teardown(remove);
  const dir = join(folder, 'r');
  const mark = randomUUID();
  process.env['SEGPROOF_TEST_MARK'] = mark;
  const faults = ['--suite', suite, '--endpoint', endpoint, '--silence', '2s'];
  const { exit } = await segproof('run', ...faults, '@agent', '-o', dir, '--format', 'json');
  delete process.env['SEGPROOF_TEST_MARK'];
  t.equal(exit, 1);
  const all = attempts(dir);
  for (const [id, outcome, why] of [
    ['faults/agent-killed', 'error', /SIGKILL/],
    ['faults/record-cut', 'error', /27 bytes into record/],
    ['faults/silent', 'timeout', /no word from the agent for 2 s/],
  ] as const) {
    const own = all.get(id) ?? [];
    t.same(
      own.map((result) => [result.attempt, result.outcome]),
      [
        [1, outcome],
        [2, outcome],
      ],
      id,
    );
    t.match(own[0]?.reason, why);
    t.match(own[1]?.reason, /left out: it took 2 machines down/);
    all.delete(id);
  }
  t.equal(all.size, 8);
  for (const [id, own] of all)
    t.same(
      own.map(({ outcome }) => outcome),
      ['pass'],
      id,
    );
  t.same(await afterTenSeconds(() => marked(mark)), [], 'nothing is left behind');
});

t.test(
  'a full disk ends the run with 69 and what to do; resumed it comes out as if nothing had been',
  async (t) => {
    const { folder, remove } = scratch();
    t.teardown(remove);
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const mounted = await execa('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'full', disk], { reject: false });
    if (mounted.exitCode !== 0) {
      t.pass('not tried', { skip: 'a small file system needs mount(8), which is not allowed here' });
      return;
    }
    t.teardown(() => execa('umount', [disk]));
    const dir = join(disk, 'r');
    const { exit, stderr } = await segproof('run', '-o', dir, '--format', 'tap', 'udp-gso/table-loopback');
    t.equal(exit, 69);
    t.match(stderr, /cannot write .*: no space left on the device \(ENOSPC\)/);
    t.match(stderr, /segproof run --resume/);
    t.notMatch(stderr, /^\s+at /m, 'no stack');
    await execa('mount', ['-o', 'remount,size=64m', disk]);
    const resumed = await segproof('run', '--resume', dir, '--format', 'tap');
    t.equal(resumed.exit, 0, resumed.stderr);
    const own = attempts(dir);
    const planned = (JSON.parse(readFileSync(join(dir, 'plan.json'), 'utf8')) as { cases: { count: number } })
      .cases;
    t.equal(own.size, planned.count);
    t.ok([...own.values()].every((list) => list.length === 1));
    t.ok(existsSync(join(dir, 'results.json')));
  },
);

t.test(
  'killed at 20 random moments and resumed each time, a run has the results of one that was not',
  async (t) => {
    const { folder, remove } = scratch();
    t.teardown(remove);
    const selection = ['udp-gso/limits', 'udp-gso/table-loopback', 'udp-gso/sendmmsg'];
    const whole = join(folder, 'whole');
    const cut = join(folder, 'cut');
    const begun = performance.now();
    t.equal((await segproof('run', '-o', whole, '--format', 'tap', ...selection)).exit, 0);
    const took = performance.now() - begun;
    const mark = randomUUID();
    const env = { SEGPROOF_TEST_MARK: mark };
    // Killed before it had made its plan, a run has nothing to resume.
    const options = (): string[] =>
      existsSync(join(cut, 'plan.json')) ? ['--resume', cut] : ['-o', cut, ...selection];
    for (let kill = 0; kill < 20; kill++) {
      const args = options();
      const ms = 150 + Math.random() * 0.8 * took;
      await execa(program, ['run', ...args, '--format', 'tap'], {
        reject: false,
        stdio: 'ignore',
        env,
        timeout: ms,
        killSignal: 'SIGKILL',
      });
    }
    const last = await segproof('run', ...options(), '--format', 'tap');
    t.equal(last.exit, 0, last.stderr);
    t.same(told(cut), told(whole));
    const lines = readFileSync(join(cut, 'evidence/running.jsonl'), 'utf8').trim().split('\n');
    const ids = lines.map((line) => (JSON.parse(line) as { id: string }).id);
    t.equal(new Set(ids).size, ids.length, 'one record of evidence per case');
    t.same(await afterTenSeconds(() => marked(mark)), [], 'nothing is left behind');
  },
);

t.test('a folder that cannot be resumed is refused with the place and the reason', async (t) => {
  const { folder, remove } = scratch();
  t.teardown(remove);
  const dir = join(folder, 'r');
  t.equal((await segproof('run', '-o', dir, 'udp-gso/v4-mapped', '--format', 'tap')).exit, 0);
  const journal = join(dir, 'journal.jsonl');
  const text = readFileSync(journal, 'utf8');
  writeFileSync(journal, text.replace('"outcome":"pass"', '"outcome":"fail"'));
  const damaged = await segproof('run', '--resume', dir);
  t.equal(damaged.exit, 65);
  t.match(damaged.stderr, /journal\.jsonl:\d+: this line or the one before was changed/);
  writeFileSync(journal, text);
  const plan = readFileSync(join(dir, 'plan.json'), 'utf8');
  writeFileSync(join(dir, 'plan.json'), plan.replace(/("suites\/udp-gso\/v4-mapped.yaml": ")\w+/, '$1beef'));
  const changed = await segproof('run', '--resume', dir);
  t.equal(changed.exit, 65);
  t.match(changed.stderr, /suites\/udp-gso\/v4-mapped\.yaml has changed/);
  writeFileSync(join(dir, 'plan.json'), plan.replace(/"tool": "[^"]*"/, '"tool": "0.0.1"'));
  t.match(await segproof('run', '--resume', dir), { exit: 65, stderr: /segproof 0\.0\.1 then/ });
  t.match(await segproof('run', '--resume', folder), { exit: 65, stderr: /holds no run/ });
  t.match(await segproof('run', '--resume', dir, '--repeat', '3'), {
    exit: 64,
    stderr: /--repeat cannot be given/,
  });
});
