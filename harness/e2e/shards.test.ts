import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { program, scratch, segproof, told } from './segproof.ts';

const selection = ['udp-gso/limits', 'udp-gso/v4-mapped'];

t.test('three shards merged are the run as a whole; what does not belong together is refused', async (t) => {
  const { folder, remove } = scratch();
  t.teardown(remove);
  const at = (name: string): string => join(folder, name);
  const run = (...args: string[]): ReturnType<typeof segproof> => segproof('run', '--format', 'tap', ...args);
  t.equal((await run('-o', at('whole'), ...selection)).exit, 0);
  t.match(await run('-o', at('1'), '--shard', '1/3', ...selection), {
    exit: 0,
    stderr: /shard 1 of 3 \(--shard\)/,
  });
  const env = { CIRCLE_NODE_INDEX: '1', CIRCLE_NODE_TOTAL: '3' };
  const ci = await execa(program, ['run', '--format', 'tap', '-o', at('2'), ...selection], { env });
  t.match(ci.stderr, /shard 2 of 3 \(CircleCI's/);
  await run('-o', at('3'), '--shard', '3/3', ...selection);
  await run('-o', at('other'), '--shard', '3/3', 'udp-gso/limits');
  const merge = (...args: string[]): ReturnType<typeof segproof> =>
    segproof('merge', '--format', 'tap', ...args);
  t.equal((await merge(at('3'), at('1'), at('2'), '-o', at('all'))).exit, 0);
  t.same(told(at('all')), told(at('whole')));
  for (const [folders, why] of [
    [[at('1'), at('3')], /shard 2 of 3 is missing/],
    [[at('1'), at('2'), at('3'), at('1')], /overlap: both are shard 1 of 3/],
    [[at('1'), at('2'), at('other')], /are no shards of one run/],
    [[at('1'), folder], /holds no run/],
  ] as const)
    t.match(await merge(...folders, '-o', at('refused')), { exit: 65, stderr: why });
  t.equal((await merge(at('1'), '--partial', '-o', at('part'))).exit, 69, 'what nobody ran is no success');
});

t.test('a bare run takes the default profile of the current folder, and options win over it', async (t) => {
  const { folder, remove } = scratch();
  t.teardown(remove);
  writeFileSync(
    join(folder, 'segproof.yaml'),
    `selections: { few: [udp-gso/v4-mapped] }
default: quick
profiles:
  quick: { select: [few], repeat: 2 }
  bad: { kernels: ['no/such'] }
`,
  );
  const run = (...args: string[]): Promise<{ exitCode?: number; stderr: string }> =>
    execa(program, ['run', '--format', 'tap', ...args], { cwd: folder, reject: false });
  const bare = await run('-o', 'r');
  t.equal(bare.exitCode, 0);
  t.match(bare.stderr, /profile quick of segproof\.yaml/);
  const { results } = JSON.parse(readFileSync(join(folder, 'r/results.json'), 'utf8')) as {
    results: { attempt: number }[];
  };
  t.equal(results.filter(({ attempt }) => attempt === 2).length, results.length / 2, 'every case twice');
  t.match(await run('--profile', 'quik'), { exitCode: 64, stderr: /has no profile "quik"/ });
  t.match(await run('--profile', 'bad', '--kernel', 'running', 'udp-gso/v4-mapped'), { exitCode: 0 });
});
